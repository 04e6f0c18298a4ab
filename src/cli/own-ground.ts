import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { portRange } from '../core/option-values.ts'
import type { PortRange } from '../core/option-values.ts'
import { isUnfinished } from '../core/session.ts'
import type { Flags } from '../core/settings.ts'
import { readFolder } from '../runtime/disk.ts'
import { loadApp } from '../runtime/load.ts'
import type { App } from '../runtime/load.ts'
import { tryLock } from '../runtime/lock.ts'
import { view } from '../runtime/observer.ts'
import { here } from '../runtime/place.ts'
import { reservePorts, USUAL_RANGE } from '../runtime/port-pages.ts'
import { locateStateDir } from '../runtime/state-dir.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { mention } from '../runtime/terminal.ts'
import { endLeftWork } from '../runtime/work-record.ts'
import { applyHere } from './apply-here.ts'

/** Formations that have their own ports have their own state, in this folder of the state directory. */
const OWN_STATE = 'with'
/** From the ports of one type to the next where they are chosen for the user, so that they take little room. */
const AUTO_STEP = 10
/** Ports with which the options can be read before there are any: apart enough for every formation, and no router's. */
const SAMPLE = { first: 10_000, step: 500 }

export interface OwnGround {
  readonly flags: Flags
  /** It has ports and state that nobody else knows, to be removed with `removeOwnState`. */
  readonly isOwn: boolean
}

/**
 * The options for a formation of its own: with `--port auto`, ports that nobody else has and a state directory beside
 * the usual one, so that several can run at once; others of the kind whose tw-run was killed are ended first.
 * Errors: TwRunError.
 */
export async function ownGround(flags: Flags): Promise<OwnGround> {
  if ((flags.port ?? process.env['TW_RUN_PORT']) !== 'auto') return { flags, isOwn: false }
  const sample = loadApp({ ...flags, port: String(SAMPLE.first), portStep: String(SAMPLE.step) }, process.env)
  const portStep = flags.portStep ?? process.env['TW_RUN_PORT_STEP'] ?? String(stepFor(sample))
  const { plan, router, settings, root, stateDir } = loadApp(
    { ...flags, port: String(SAMPLE.first), portStep },
    process.env,
  )
  const usual = locateStateDir(root, stateDir).path
  await endAbandoned(join(usual, OWN_STATE), { root, graceMs: settings.graceMs })
  const ports = plan.flatMap(({ id, port }) => (id === router?.id ? [] : [port]))
  const count = Math.max(SAMPLE.first, ...ports) - SAMPLE.first + 2
  const first = await reservePorts(count, autoRange(), Math.random())
  mention(`tw-run: ports from ${first}\n`)
  const own = {
    ...flags,
    port: String(first),
    portStep,
    stateDir: join(usual, OWN_STATE, `${first}-${randomBytes(4).toString('hex')}`),
    ...(router === undefined ? {} : { router: `${settings.router?.host}:${first + count - 1}` }),
  }
  return { flags: own, isOwn: true }
}

/** Removes the state of a formation of its own: whoever it was for has gone, and nobody could find it. */
export function removeOwnState({ path }: StateDir): void {
  rmSync(dirname(path), { recursive: true, force: true })
}

function stepFor({ counts }: App): number {
  return Math.ceil(Math.max(1, ...counts.values()) / AUTO_STEP) * AUTO_STEP
}

/** Where ports are chosen from. Errors: TwRunError 2. */
function autoRange(): PortRange {
  const { TW_RUN_AUTO_PORTS: given = '' } = process.env
  if (given === '') return USUAL_RANGE
  const reading = portRange(given)
  if ('value' in reading) return reading.value
  throw new TwRunError(`TW_RUN_AUTO_PORTS in the shell: "${given}" is not ${reading.not}`, { exitCode: 2 })
}

/** A `with` that was killed left its processes and its state; nobody else would ever find them. */
async function endAbandoned(
  folder: string,
  { root, graceMs }: { readonly root: string; readonly graceMs: number },
): Promise<void> {
  for (const name of readFolder(folder)) {
    const state = locateStateDir(root, join(folder, name))
    const { session, supervisor } = view(state)
    if (session === undefined || supervisor !== undefined) continue
    if (isUnfinished(session, here())) {
      await applyHere(session.flags, { do: 'stop', targets: [] })
      if (view(state).session?.over !== true) continue
      mention(`tw-run: ended what a killed tw-run had left here (ports from ${session.flags.port})\n`)
    } else if ((await tryLock(state.lock)) === undefined) continue
    await endLeftWork(state, graceMs)
    // What is still on record there nobody else would know of.
    if (readFolder(state.oneOffs).length === 0) removeOwnState(state)
  }
}
