import type { ProcessId } from './names.ts'
import { isToldToStop } from './observe.ts'
import type { Exit, ProcessState, Run } from './process.ts'
import type { Ending } from './session.ts'

/** What a run that was killed had had of its grace period. */
export type Grace = 'all' | 'some' | 'none'

/** Of a run, or what it left, that is killed at `now`, and was to be at `killAt`; ms since boot, both. */
export function graceOf({ told, leftoversKillAt }: Run, killAt: number, now: number): Grace {
  if (!told && leftoversKillAt === undefined) return 'none'
  return now < killAt ? 'some' : 'all'
}

/** What a supervisor did or saw, for whoever shows it to a person. Nothing is decided from it. */
export type JournalEvent =
  /** A killed supervisor's session goes on: which of its processes live, and which ended meanwhile. */
  | { readonly type: 'carried-on'; readonly alive: readonly Run[]; readonly ended: readonly Run[] }
  /** What a start that carries on changes, and why: a line for a person. */
  | { readonly type: 'taken-in'; readonly change: string }
  /** A launcher is at work on runs: what they write can be followed from here on. */
  | { readonly type: 'starting'; readonly runs: readonly Run[] }
  /** Runs came to be, in one go. */
  | { readonly type: 'started'; readonly runs: readonly Run[] }
  /** A run is over and swept; `retryAt` (ms since boot) if it is to be started again. */
  | {
      readonly type: 'ended'
      readonly run: Run
      readonly exit: Exit
      readonly asked: boolean
      /** ms since boot. */
      readonly endedAt: number
      readonly next: 'exited' | 'crashed' | 'stopped' | { readonly retryAt: number }
    }
  /** Processes outlived the run that started them and are being stopped. */
  | { readonly type: 'leftovers'; readonly run: Run; readonly commands: readonly string[] }
  /** Its checks say something new: it is late, ready no more, or ready again. */
  | {
      readonly type: 'health'
      readonly run: Run
      readonly change: 'late' | 'lost' | 'regained'
      readonly reason: string | undefined
      /** ms that it has been up. */
      readonly upFor: number
    }
  /** Processes wait for one that will not get there, or not in time. */
  | {
      readonly type: 'in-vain'
      readonly waiting: readonly ProcessId[]
      readonly on: ProcessId
      readonly why: string
    }
  /** Files of a type changed, for which it is restarted. */
  | { readonly type: 'changed'; readonly process: string; readonly files: readonly string[] }
  | { readonly type: 'killed'; readonly run: Run; readonly grace: Grace }
  /** They have lived for as long as they may (ms), and are replaced. */
  | { readonly type: 'recycled'; readonly ids: readonly ProcessId[]; readonly everyMs: number }
  /** The kernel does not let us signal it. */
  | { readonly type: 'refused'; readonly run: Run }
  | { readonly type: 'ending'; readonly ending: Ending; readonly alive: readonly ProcessId[] }
  /** The end takes its time: who is waited for, and until when (ms since boot) before SIGKILL. */
  | { readonly type: 'waiting'; readonly runs: readonly Run[] }
  /** Its log has grown within the last second: for who was not told of it by the kernel. */
  | { readonly type: 'wrote'; readonly run: Run }
  /** Something is wrong with the state directory or the machine; supervision goes on. */
  | { readonly type: 'trouble'; readonly message: string }

/** The event for a run that has come to rest. */
export function endedEvent(state: ProcessState & { run: Run }): JournalEvent {
  const { run } = state
  const exit = run.exit ?? { kind: 'lost', why: 'shim' }
  const next =
    state.phase === 'backoff'
      ? { retryAt: state.retryAt }
      : state.phase === 'exited' || state.phase === 'crashed'
        ? state.phase
        : 'stopped'
  return {
    type: 'ended',
    run,
    exit,
    asked: isToldToStop(run),
    endedAt: run.endedAt ?? run.startedAt,
    next,
  }
}
