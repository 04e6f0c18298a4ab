import { isBackingService } from '../core/backing-service.ts'
import { TwRunError } from '../core/error.ts'
import { parseIgnored } from '../core/finding.ts'
import type { Ignored } from '../core/finding.ts'
import { isStage } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import { typeOf } from '../core/readiness.ts'
import { ROUTED_TYPE } from '../core/router.ts'
import type { Flags } from '../core/settings.ts'
import { loadApp } from '../runtime/load.ts'
import { locateStateDir } from '../runtime/state-dir.ts'
import { ownGround } from './own-ground.ts'
import type { ProveOptions } from './prove.ts'

/** The proof needs at least two of a type: one alone shares with nobody. */
const AT_LEAST = 2

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
  /** Of the app, and its state directory with all that belongs to it. */
  readonly root: string
  readonly state: string
  readonly graceMs: number
  readonly isDisturbed: (id: ProcessId) => boolean
}

/** Errors: TwRunError 2 for options that mean nothing, and what loading the app says. */
export async function planProof(flags: Flags, options: ProveOptions): Promise<ProvePlan> {
  const ignored = (options.ignore ?? []).map((text) => {
    const one = parseIgnored(text)
    if (one !== undefined) return one
    throw new TwRunError(`--ignore: "${text}" names no finding`, {
      exitCode: 2,
      hint: 'write <finding>:<glob>, such as files:coverage/** or session:theme',
    })
  })
  const asked = { ...flags, port: flags.port ?? 'auto', restart: 'always' }
  const app = loadApp({ ...asked, port: '20000', portStep: '10' }, process.env)
  const running = app.types.filter(({ name }) => !isStage(name) && (app.counts.get(name) ?? 0) > 0)
  const named = new Set((options.keep ?? []).flatMap((text) => text.split(',')))
  const kept = running
    .filter(({ name, command }) => named.has(name) || isBackingService(command))
    .map(({ name }) => name)
  const countOf = (name: string): number => {
    const most = app.limits.get(name) ?? app.manifest.rules.get(name)?.max ?? Infinity
    if (kept.includes(name)) return 1
    return Math.min(most, Math.max(AT_LEAST, app.counts.get(name) ?? 0))
  }
  const isRouted = running.some(({ name }) => name === ROUTED_TYPE)
  const formation = running.map(({ name }) => `${name}=${countOf(name)}`).join(',')
  const { release = false, types: _types, except: _except, ...rest } = asked
  const none = app.types
    .filter(({ name }) => !isStage(name) && !running.some((one) => one.name === name))
    .map(({ name }) => name)
  const { flags: proof } = await ownGround({
    ...rest,
    formation,
    ...(none.length === 0 ? {} : { except: none }),
    ...(isRouted ? { router: true } : {}),
  })
  const disturbed = running.map(({ name }) => name).filter((name) => !kept.includes(name))
  return {
    baseline: {
      ...proof,
      release,
      formation: running.map(({ name }) => `${name}=1`).join(','),
      ...(proof.stateDir === undefined ? {} : { stateDir: `${proof.stateDir}-baseline` }),
    },
    proof: { ...proof, suddenly: options.kill === true },
    disturbed,
    kept,
    ignored,
    root: app.root,
    state: locateStateDir(app.root, app.stateDir).path,
    graceMs: app.settings.graceMs,
    isDisturbed: (id) => disturbed.includes(typeOf(id)),
  }
}
