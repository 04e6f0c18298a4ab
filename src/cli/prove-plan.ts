import { isBackingService } from '../core/backing-service.ts'
import type { Diagnostic } from '../core/diagnostic.ts'
import { TwRunError } from '../core/error.ts'
import { parseIgnored } from '../core/finding.ts'
import type { Ignored } from '../core/finding.ts'
import { isStage } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import type { ProcessType } from '../core/procfile.ts'
import { typeOf } from '../core/readiness.ts'
import { ROUTED_TYPE } from '../core/router.ts'
import { rulesOf } from '../core/rules-of.ts'
import type { Flags } from '../core/settings.ts'
import { loadApp } from '../runtime/load.ts'
import { locateStateDir } from '../runtime/state-dir.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { ownGround, removeOwnState } from './own-ground.ts'
import type { ProveOptions } from './prove.ts'

/** The proof needs at least two of a type: one alone shares with nobody. */
const AT_LEAST = 2

/** Ports with which the options can be read before there are any. */
const SAMPLE_PORTS = { port: '10000', portStep: '500' }

/** What is started for a proof. */
export interface ProvePlan {
  /** The options of the undisturbed formation, and of the one that is disturbed. */
  readonly baseline: Flags
  readonly proof: Flags
  /** The types whose processes are replaced. */
  readonly disturbed: readonly string[]
  /** Backing services: one process each, and left alone. */
  readonly kept: readonly string[]
  readonly ignored: readonly Ignored[]
  /** What is doubtful in the app's files. */
  readonly warnings: readonly Diagnostic[]
  /** Of the app, and its state directory with all that belongs to it. */
  readonly root: string
  readonly state: string
  readonly graceMs: number
  readonly isDisturbed: (id: ProcessId) => boolean
  /** ms from the stop signal to SIGKILL. */
  readonly graceOf: (id: ProcessId) => number
  /** Removes the state of a formation of the proof that is over, where nobody else could find it. */
  readonly forget: (state: StateDir) => void
}

/** Errors: TwRunError 2 for options that mean nothing, and what loading the app says. */
export async function planProof(flags: Flags, options: ProveOptions): Promise<ProvePlan> {
  const ignored = ignoredOf(options)
  const asked = { ...flags, port: flags.port ?? 'auto', restart: 'always' }
  const app = loadApp({ ...asked, ...SAMPLE_PORTS }, process.env)
  const running = app.types.filter(({ name }) => !isStage(name) && (app.counts.get(name) ?? 0) > 0)
  const kept = keptTypes(running, options.keep ?? [])
  // What runs to its end is a task, and no process that could be replaced.
  const isTask = (type: ProcessType): boolean => rulesOf(type, app.settings, app.manifest, app.limits).mayExit
  const disturbed = running
    .filter((type) => !kept.includes(type.name) && !isTask(type))
    .map(({ name }) => name)
  const countOf = (name: string): number => {
    const asOften = app.counts.get(name) ?? 1
    if (!disturbed.includes(name)) return kept.includes(name) ? 1 : asOften
    const most = app.limits.get(name) ?? app.manifest.rules.get(name)?.max ?? Infinity
    return Math.min(most, Math.max(AT_LEAST, asOften))
  }
  if (options.path !== undefined && !disturbed.includes(ROUTED_TYPE)) {
    throw new TwRunError(`--path: no process of a type "${ROUTED_TYPE}" runs that could answer`, {
      exitCode: 2,
    })
  }
  const isRouted = running.some(({ name }) => name === ROUTED_TYPE)
  const formation = running.map(({ name }) => `${name}=${countOf(name)}`).join(',')
  const { release = false, types: _types, except: _except, ...rest } = asked
  const none = app.types
    .filter(({ name }) => !isStage(name) && !running.some((one) => one.name === name))
    .map(({ name }) => name)
  const { flags: proof, isOwn } = await ownGround({
    ...rest,
    formation,
    ...(none.length === 0 ? {} : { except: none }),
    ...(isRouted ? { router: true } : {}),
  })
  return {
    baseline: {
      ...proof,
      release,
      formation: running.map(({ name }) => `${name}=1`).join(','),
      ...(isOwn ? { stateDir: `${proof.stateDir}-baseline` } : {}),
    },
    proof: { ...proof, suddenly: options.kill === true },
    disturbed,
    kept,
    ignored,
    warnings: app.warnings,
    root: app.root,
    state: locateStateDir(app.root, app.stateDir).path,
    graceMs: app.settings.graceMs,
    isDisturbed: (id) => disturbed.includes(typeOf(id)),
    graceOf: (id) => app.manifest.rules.get(typeOf(id))?.graceMs ?? app.settings.graceMs,
    forget: (state) => {
      if (isOwn) removeOwnState(state)
    },
  }
}

/** Errors: TwRunError 2. */
function ignoredOf({ ignore = [] }: ProveOptions): Ignored[] {
  return ignore.map((text) => {
    const one = parseIgnored(text)
    if (one !== undefined) return one
    throw new TwRunError(`--ignore: "${text}" names no finding`, {
      exitCode: 2,
      hint: 'write <finding>:<glob>, such as files:coverage/** or session:theme',
    })
  })
}

/** Errors: TwRunError 2 for a name that is none. */
function keptTypes(running: readonly ProcessType[], keep: readonly string[]): string[] {
  const names = running.map(({ name }) => name)
  const named = new Set(keep.flatMap((text) => text.split(',')))
  for (const name of named) {
    if (names.includes(name)) continue
    throw new TwRunError(`--keep: no process type "${name}" runs`, {
      exitCode: 2,
      hint: `these do: ${names.join(', ')}`,
    })
  }
  return running
    .filter(({ name, command }) => named.has(name) || isBackingService(command))
    .map(({ name }) => name)
}
