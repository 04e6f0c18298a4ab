import { expandIds } from '../core/edit.ts'
import { TwRunError } from '../core/error.ts'
import { exitCodeOf } from '../core/exit.ts'
import { parseProcessId, processId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import { printable } from '../core/printable.ts'
import type { ProcessState } from '../core/process.ts'
import { BOOT_LIMIT_MS } from '../core/rules.ts'
import { generationOf } from '../core/session.ts'
import type { Session } from '../core/session.ts'
import { isReady } from '../core/readiness.ts'
import { bootNow } from '../runtime/clock.ts'
import { keptSession } from '../runtime/kept-session.ts'
import { Lookout } from '../runtime/lookout.ts'
import { view } from '../runtime/observer.ts'
import type { View } from '../runtime/observer.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { unreadSupervisor } from '../runtime/unread.ts'
import { Pace } from './pace.ts'

/** How long `--wait` waits, ms, where nothing else was asked for: Heroku's boot limit. */
export const WAIT_AT_MOST_MS = 60_000
/**
 * How long a supervisor whose run is over is waited for, ms: a reader that reads has the last lines in much less, and then
 * the lock is free for a start that follows.
 */
const READ_WITHIN_MS = 2_000

/** What is awaited: every process of the formation up, or also ready. */
export type Awaited = 'up' | 'ready'

/** Where a wait stands: what is missing, what can come no more, and whether the run is ending. */
export interface Missing {
  readonly missing: readonly ProcessId[]
  readonly failed: readonly ProcessId[]
  /** Why something is not there, where that is known. */
  readonly reasons: ReadonlyMap<ProcessId, string>
  /** What has never run, and has no log. */
  readonly unborn?: ReadonlySet<ProcessId>
  /** The formation comes after it. */
  readonly isStage?: true
}

/**
 * What of the formation, or of these processes of it, is not there yet in the generation that is wanted. Of all of it that
 * is the stage, as long as one runs.
 */
export function missingOf(
  { session, observed }: Pick<View, 'session' | 'observed'>,
  awaited: Awaited,
  only?: readonly ProcessId[],
): Missing {
  if (session === undefined) return { missing: [], failed: [], reasons: new Map() }
  const [stage = 'formation'] = session.stages
  if (stage !== 'formation' && only === undefined) return missingStage(processId(stage, 1))
  const now = bootNow()
  const isThere = (id: ProcessId, state: ProcessState | undefined): boolean => {
    if (state?.phase !== 'up' && state?.phase !== 'exited') return false
    const isWanted = state.run.generation === generationOf(session, parseProcessId(id)?.type ?? '', id)
    // What may come to its end and did so well is not missed; what ends the run by that may not.
    if (state.phase === 'exited') return isWanted && exitCodeOf(state.exit) === 0 && id !== whoEnded(session)
    return isWanted && (awaited === 'up' || isReady(state, now))
  }
  const wanted = expandIds(session)
  const awaitedOnes = only === undefined ? wanted : wanted.filter((id) => only.includes(id))
  const missing = awaitedOnes.filter((id) => !isThere(id, observed.get(id)))
  const failed = missing.filter((id) => {
    const state = observed.get(id)
    if (state === undefined || !('run' in state)) return false
    const isCurrent = state.run.generation === generationOf(session, parseProcessId(id)?.type ?? '', id)
    if (!isCurrent) return false
    // One that is to be started at once is on its way.
    if (state.phase === 'backoff') return state.retryAt > now
    if (state.phase === 'up') {
      const isLate = state.run.health.late === true || now > state.run.startedAt + BOOT_LIMIT_MS
      return awaited === 'ready' && isLate
    }
    return state.phase === 'exited' || state.phase === 'crashed'
  })
  const reasons = missing.flatMap((id) => {
    const reason = reasonOf(observed.get(id))
    return reason === undefined ? [] : [[id, reason] as const]
  })
  const unborn = missing.filter((id) => isUnborn(observed.get(id)))
  return { missing, failed, reasons: new Map(reasons), unborn: new Set(unborn) }
}

function reasonOf(state: ProcessState | undefined): string | undefined {
  if (state?.phase === 'up') return state.run.health.reason
  const [first] = notStarted(state)?.split('\n') ?? []
  return first === undefined ? undefined : printable(first)
}

function isUnborn(state: ProcessState | undefined): boolean {
  return state === undefined || state.phase === 'absent' || notStarted(state) !== undefined
}

/** Why it could not even be started. */
function notStarted(state: ProcessState | undefined): string | undefined {
  if (state === undefined || !('exit' in state) || state.exit.kind !== 'unstarted') return undefined
  return state.exit.message
}

/** It takes as long as it takes, and if it fails the run ends by that. */
function missingStage(id: ProcessId): Missing {
  return { missing: [id], failed: [], reasons: new Map([[id, 'has not ended']]), isStage: true }
}

/** Whose end ends the run. */
function whoEnded({ ending }: Session): ProcessId | undefined {
  return ending?.reason.kind === 'exit' ? ending.reason.process : undefined
}

/**
 * Waits until nothing is missing, something failed, the run ends or the time is over, of which a stage takes none; what is
 * missing then.
 */
export async function waitFor(
  state: StateDir,
  awaited: Awaited,
  only?: readonly ProcessId[],
  mostMs = WAIT_AT_MOST_MS,
): Promise<Missing> {
  const pace = new Pace()
  const lookout = new Lookout(state)
  let until = bootNow() + mostMs
  for (;;) {
    const { observed } = lookout.look()
    // Read after the processes: that the run ends is written down before the end that it ends by.
    const session = keptSession(state)
    const found = missingOf({ session, observed }, awaited, only)
    if (found.isStage === true) until = bootNow() + mostMs
    const isEnding = session === undefined || session.over || session.ending !== undefined
    if (found.missing.length === 0 || found.failed.length > 0 || isEnding || bootNow() > until) return found
    await pace.pause()
  }
}

/** Who did not get there, and why where that is known; those that can no more come first of all. */
export function describeMissing({ missing, failed, reasons }: Missing, awaited: Awaited = 'ready'): string {
  const names = failed.length > 0 ? failed : missing
  const list = names.map((id) => (reasons.has(id) ? `${id} (${reasons.get(id)})` : id))
  return `not ${awaited}: ${list.join(', ')}`
}

/** The error for what did not come to be. */
export function notThere(found: Missing, awaited: Awaited): TwRunError {
  const names = found.failed.length > 0 ? found.failed : found.missing
  const logged = names.filter((id) => found.unborn?.has(id) !== true)
  return new TwRunError(describeMissing(found, awaited), {
    exitCode: 1,
    hint:
      logged.length === 0
        ? 'see what becomes of it with: tw-run ps'
        : `see what happened with: tw-run logs ${logged.slice(0, 3).join(' ')}`,
  })
}

/** Waits until all of the formation is up. Errors: TwRunError 1 naming what is not. */
export async function requireUp(state: StateDir): Promise<void> {
  const found = await waitFor(state, 'up')
  if (found.missing.length > 0) throw notThere(found, 'up')
}

/**
 * Waits until nothing of the formation lives any more, or nobody is there to end it; what lives then. The disk may
 * have had no room for its supervisor's last word, and nobody may read that.
 */
export async function waitForEnd(state: StateDir, ms: number): Promise<readonly ProcessId[]> {
  const pace = new Pace()
  const until = bootNow() + ms
  let readUntil = Infinity
  for (;;) {
    const { session, supervisor } = view(state)
    // A look at the processes comes before that at their supervisor, which may have ended them in between.
    const now = bootNow()
    if (supervisor === undefined || now > Math.min(until, readUntil)) return aliveIn(view(state))
    if (unreadSupervisor(session, supervisor) !== undefined)
      readUntil = Math.min(readUntil, now + READ_WITHIN_MS)
    await pace.pause()
  }
}

function aliveIn({ slots }: View): ProcessId[] {
  return slots.runs().flatMap(({ id, life }) => (life === 'alive' ? [id] : []))
}
