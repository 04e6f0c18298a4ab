import type { ProcessPlan } from './expand.ts'
import type { ProcessId } from './names.ts'
import type { Dependency, StopRule } from './rules.ts'

/**
 * How a run ended. `lost` is the honest answer where nobody could see it; `unstarted` never ran, and
 * `again` says that only the moment was bad (no descriptors, no processes left), so trying again may help.
 */
export type Exit =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'lost'; readonly why: 'reboot' | 'shim' }
  | { readonly kind: 'unstarted'; readonly message: string; readonly again: boolean }
  /** It was stopped since a liveness check failed: its own failure, whatever it ended with. */
  | { readonly kind: 'unhealthy'; readonly why: string }

/** `on-failure` and `always` with Docker's meaning; `limit` is how many restarts in a row are tried. */
export interface RestartPolicy {
  readonly when: 'no' | 'on-failure' | 'always'
  readonly limit?: number
}

/** The intent to stop a run, on disk before the first signal. `killAt` is in ms since boot. */
export interface StopIntent {
  readonly signal: string
  readonly killAt: number
  /** Until then (ms since boot) the router may let requests come to their end; no signal is sent before. */
  readonly drainUntil?: number
  /** It is stopped for a failure of its own, which this is; nobody asked for it. */
  readonly why?: string
}

/** What is known of a run's health: since when it is ready, or why it is not. Times are ms since boot. */
export interface Health {
  /** Its startup checks have passed. */
  readonly bootedAt?: number
  readonly readyAt?: number
  /** It was ready once and is not any more. */
  readonly lostAt?: number
  readonly reason?: string
  /** It had its time to get ready. It may still, but nothing should wait for it. */
  readonly late?: true
  /** A liveness check failed, and how: it has to be stopped. */
  readonly failed?: string
}

/** Processes that outlived their run, and when they were last counted (ms since boot). */
export interface Leftovers {
  readonly pids: readonly number[]
  readonly lookedAt: number
}

/** What is known of one run of a process: what its directory and the kernel say, nothing else. */
export interface Run {
  readonly id: ProcessId
  readonly number: number
  readonly generation: number
  /** The session that started it. */
  readonly session: string
  readonly command: string
  readonly port: number
  /** Carried in the shim's arguments and in the environment of everything it starts. */
  readonly token: string
  /** Its private directory for temporary files, gone when it is. */
  readonly scratch: string
  /** ms since boot. */
  readonly startedAt: number
  /** ms since 1970, by the clock of then: for people, who may have set it since. */
  readonly startedWall: number
  readonly life: 'alive' | 'dead'
  /**
   * The shim's pid, which is also the id of the process group and of the session. Known once the shim has
   * written it: before that it could not bear a signal yet.
   */
  readonly pid: number | undefined
  readonly exit: Exit | undefined
  /** ms since boot; known with `exit`. */
  readonly endedAt: number | undefined
  readonly stop: StopIntent | undefined
  /** It is ready when its checks say so, not when it has been up for a while. */
  readonly isProbed: boolean
  /** The policy of its type when it was started, for who knows no better one. */
  readonly policy?: RestartPolicy
  /** What its checks said last. */
  readonly health: Health
  /** The router says that no request is under way to it any more. */
  readonly drained: boolean
  /** The stop signal was sent. */
  readonly told: boolean
  /** When SIGKILL was last sent, ms since boot. */
  readonly killedAt: number | undefined
  /** What was found carrying the token after the run's end; undefined until somebody looked. */
  readonly leftovers: Leftovers | undefined
  /** The leftovers were sent the stop signal, and get SIGKILL at this time (ms since boot). */
  readonly leftoversKillAt: number | undefined
  /** Everything is over and recorded in the history. */
  readonly done: boolean
}

/** One end of a run, a line of the history file: all that the restart policy ever looks at. */
export interface End {
  readonly run: number
  readonly generation: number
  readonly exit: Exit
  /** ms since boot, both. */
  readonly startedAt: number
  readonly endedAt: number
  /** It was asked to stop, or tw-run died before starting it: not the process's own doing. */
  readonly asked: boolean
  /** 0 to 1, drawn once when the end was recorded, so that every supervisor computes the same delay. */
  readonly jitter: number
}

/**
 * The one phase of a process.
 *
 *   absent ── start ──> starting ──> up ──> (ends by itself) ──┐
 *                          └────┬────┘                         v
 *                             stop ──> stopping ──> (ends) ─> sweeping ── finish ──┐
 *                                                                                  v
 *   stopped (asked) · exited (left alone) · backoff (again at retryAt) · crashed (gave up)
 *        └──────────────────────── start ────────────────────────┘
 */
export type ProcessState =
  | { readonly phase: 'absent' }
  | { readonly phase: 'starting'; readonly run: Run }
  | { readonly phase: 'up'; readonly run: Run; readonly pid: number }
  | { readonly phase: 'stopping'; readonly run: Run; readonly stop: StopIntent }
  | { readonly phase: 'sweeping'; readonly run: Run; readonly exit: Exit }
  | { readonly phase: 'stopped'; readonly run: Run }
  | { readonly phase: 'backoff'; readonly run: Run; readonly exit: Exit; readonly retryAt: number }
  | { readonly phase: 'exited'; readonly run: Run; readonly exit: Exit; readonly endedAt: number }
  | { readonly phase: 'crashed'; readonly run: Run; readonly exit: Exit; readonly endedAt: number }

export type Phase = ProcessState['phase']

const ALIVE: ReadonlySet<Phase> = new Set<Phase>(['starting', 'up', 'stopping', 'sweeping'])

/** Whether something of its newest run may live: the run itself, or what it left behind. */
export function isAlive(state: ProcessState): state is ProcessState & { readonly run: Run } {
  return ALIVE.has(state.phase)
}

/** What is known of one process: its newest run, and how the earlier ones ended. */
export interface Slot {
  readonly run: Run | undefined
  readonly ends: readonly End[]
}

/** What one process should be. */
export interface Want {
  readonly plan: ProcessPlan
  /** A run of an older generation is replaced. */
  readonly generation: number
  readonly policy: RestartPolicy
  /** What has to be there before it is started. */
  readonly dependsOn?: readonly Dependency[]
  /** Ending with success is no reason to end the run. */
  readonly mayExit?: boolean
  /** It is ready when its checks say so. */
  readonly isProbed?: boolean
}

/** What should run, and how what should not is stopped. */
export interface Desired {
  readonly wants: ReadonlyMap<ProcessId, Want>
  /** How a process of a type is stopped, and of one that is not in there. */
  readonly stops: ReadonlyMap<string, StopRule>
  readonly stop: StopRule
  /** The second Ctrl-C, or Ctrl-\: every grace period is over now. */
  readonly hurried: boolean
}

export type Observed = ReadonlyMap<ProcessId, ProcessState>

/** One step towards the desired state. Each is safe to repeat after a crash in its middle. */
export type Action =
  | { readonly do: 'start'; readonly want: Want }
  | { readonly do: 'stop'; readonly run: Run; readonly intent: StopIntent }
  | { readonly do: 'tell'; readonly run: Run; readonly signal: string }
  /** `killAt`: since when it may be killed, ms since boot; earlier than was intended where somebody is in a hurry. */
  | { readonly do: 'kill'; readonly run: Run; readonly killAt: number }
  | { readonly do: 'look'; readonly run: Run }
  | { readonly do: 'tell-leftovers'; readonly run: Run; readonly signal: string; readonly killAt: number }
  | { readonly do: 'kill-leftovers'; readonly run: Run; readonly killAt: number }
  | { readonly do: 'finish'; readonly run: Run; readonly exit: Exit; readonly asked: boolean }

/** The next actions, and when to look again if nothing happens before (ms since boot). */
export interface Plan {
  readonly actions: readonly Action[]
  readonly wakeAt: number | undefined
}
