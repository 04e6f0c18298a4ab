import { exitCodeOf, exitCodeOfSignal } from './exit.ts'
import type { Exit } from './process.ts'
import { parseProcessId } from './names.ts'
import type { ProcessId } from './names.ts'
import type { ProcessType } from './procfile.ts'
import type { Flags } from './settings.ts'
import { stagesToRun } from './stages.ts'

/** What runs: a stage to completion, or the formation. `start --release` goes through them in this order. */
export type Stage = 'build' | 'release' | 'formation'

/** Why a run of the formation ends, and the exit code that it ends with. */
export interface Ending {
  readonly code: number
  readonly reason: Reason
  /** A second signal came, or SIGQUIT: no grace period any more. */
  readonly hurried: boolean
}

export type Reason =
  | {
      readonly kind: 'exit'
      readonly process: ProcessId
      readonly exit: Exit
      /** Processes that were never started, since they waited for that one. */
      readonly inVain?: readonly ProcessId[]
    }
  | { readonly kind: 'all-exited' }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'reader-gone' }
  /** `tw-run stop`. */
  | { readonly kind: 'asked' }
  | { readonly kind: 'state-gone' }
  /** The work that it was there for is done. */
  | { readonly kind: 'done' }

/**
 * The desired state on disk: one run of the formation, from `start` to its end. It holds no environment
 * values, and everything a supervisor needs to go on where another one was killed.
 */
export interface Session {
  readonly version: 1
  /** Names this run of the formation in the runs it started. */
  readonly id: string
  /** The machine's boot and the pid namespace in which its pids and times mean something. */
  readonly bootId: string
  readonly pidNamespace: string
  /** ms since boot: what ended before is of an earlier session. */
  readonly beganAt: number
  /** The stage that runs now, and those still to come; no formation where nothing was asked for but stages. */
  readonly stages: readonly Stage[]
  /** As the Procfile was when it was last taken in: who only goes on does not take in what was edited since. */
  readonly types: readonly ProcessType[]
  readonly counts: Readonly<Record<string, number>>
  /** A number per type, and one per process that was restarted alone; raising it replaces what runs. */
  readonly generations: Readonly<Record<string, number>>
  /** Processes of the formation that stay down until they are asked for again. */
  readonly stopped: readonly ProcessId[]
  /** A router stands in front of the web processes; it is a process of the formation without being of the app. */
  readonly hasRouter: boolean
  /** No terminal shows it: whoever finds its supervisor dead starts another one. */
  readonly isDetached: boolean
  /** It is there for one command, and is of no use once that has gone. */
  readonly isFixture?: true | undefined
  /** The options that it was started with, to start another supervisor as that one was. */
  readonly flags: Flags
  readonly ending: Ending | undefined
  /** The end was reached and reported: nothing of it is left to carry on. */
  readonly over: boolean
}

export const SESSION_VERSION = 1

/** Where a supervisor stands: state of another place is history, not something to signal or to carry on. */
export interface Place {
  readonly bootId: string
  readonly pidNamespace: string
}

/** What `start` asks for. */
export interface Asked {
  readonly types: readonly ProcessType[]
  readonly counts: Readonly<Record<string, number>>
  readonly stages: readonly Stage[]
  readonly isDetached: boolean
  readonly hasRouter: boolean
  readonly isFixture?: true | undefined
  readonly flags: Flags
  /** Only to go on with what is there, such as for a new supervisor of a detached formation. */
  readonly isRevival?: boolean
  /** No counts were asked for: those of an interrupted session hold, which may have been scaled. */
  readonly keepsCounts?: boolean
}

/**
 * The session that `start` works on: an interrupted one is carried on (to its end, if it was ending) in the stage
 * where it stood, with the types of now and the counts now asked for, if any were; else a new one begins, of a newer
 * generation than every run on disk.
 */
export function beginOrCarryOn(
  previous: Session | undefined,
  asked: Asked,
  here: Place & Pick<Session, 'id' | 'beganAt'>,
  newestGenerations: Readonly<Record<string, number>>,
): { readonly session: Session; readonly carriedOn: boolean } {
  if (previous !== undefined && isUnfinished(previous, here)) {
    if (previous.ending !== undefined || asked.isRevival === true)
      return { session: previous, carriedOn: true }
    const { types, isDetached, hasRouter, isFixture, flags } = asked
    const held = asked.keepsCounts === true
    const counts = held ? heldCounts(asked.counts, previous.counts) : asked.counts
    const isGone = (type: string): boolean =>
      Object.hasOwn(previous.counts, type) && !Object.hasOwn(counts, type)
    const stopped = held ? previous.stopped.filter((id) => !isGone(parseProcessId(id)?.type ?? id)) : []
    const stages = held ? previous.stages : stagesToRun(previous.stages, asked)
    return {
      session: { ...previous, stages, types, counts, stopped, isDetached, hasRouter, isFixture, flags },
      carriedOn: true,
    }
  }
  const generations = Object.fromEntries(
    Object.entries(newestGenerations).map(([type, generation]) => [type, generation + 1]),
  )
  const session: Session = {
    version: SESSION_VERSION,
    ...here,
    types: asked.types,
    counts: asked.counts,
    stages: stagesToRun(asked.stages, asked),
    isDetached: asked.isDetached,
    hasRouter: asked.hasRouter,
    isFixture: asked.isFixture,
    flags: asked.flags,
    generations,
    stopped: [],
    ending: undefined,
    over: false,
  }
  return { session, carriedOn: false }
}

/** The counts of before, of the types that there still are. */
function heldCounts(asked: Session['counts'], before: Session['counts']): Session['counts'] {
  const entries = Object.entries(asked)
  return Object.fromEntries(
    entries.map(([type, count]) => [type, Object.hasOwn(before, type) ? (before[type] ?? count) : count]),
  )
}

/** Whether these stages would not run: an interrupted session goes on where it stood, and that may be after them. */
export function isPast(stages: readonly Stage[], previous: Session | undefined, here: Place): boolean {
  if (previous === undefined || !isUnfinished(previous, here) || previous.ending !== undefined) return false
  return stages[0] !== 'formation' && previous.stages[0] === 'formation'
}

/** Whether a killed supervisor left this session for the next one to carry on. */
export function isUnfinished(session: Session, place: Place): boolean {
  return !session.over && session.bootId === place.bootId && session.pidNamespace === place.pidNamespace
}

/** The generation wanted of a process; what never had one begins with 1. */
export function generationOf(session: Session, type: string, id: ProcessId): number {
  return (numberOf(session, type) ?? 1) + (numberOf(session, id) ?? 0)
}

/** The same session with the processes of these types to be replaced, or only these processes. */
export function replace(session: Session, names: Iterable<string>): Session {
  const raised = [...names].map((name) => {
    const first = parseProcessId(name) === undefined ? 1 : 0
    return [name, (numberOf(session, name) ?? first) + 1] as const
  })
  return { ...session, generations: { ...session.generations, ...Object.fromEntries(raised) } }
}

/** A type may be called "constructor". */
function numberOf({ generations }: Session, name: string): number | undefined {
  return Object.hasOwn(generations, name) ? generations[name] : undefined
}

/** npm and its kind hand on a Ctrl-C that the terminal has sent already: within this time, ms, it is the same one. */
const SAME_SIGNAL_MS = 100

/** Ctrl-\: nobody wants to wait, not even at first. */
export function isAtOnce(reason: Reason): boolean {
  return reason.kind === 'signal' && reason.signal === 'SIGQUIT'
}

/**
 * Whether the person at the terminal, this many ms after the end began, does not want to wait. A terminal that
 * closes says so more than once.
 */
export function isSecondThought(reason: Reason, sinceMs: number): boolean {
  if (isAtOnce(reason)) return true
  return reason.kind === 'signal' && reason.signal !== 'SIGHUP' && sinceMs >= SAME_SIGNAL_MS
}

/** The exit code of a run that ends for this reason; a process's own exit is judged where it is seen. */
export function codeOfReason(reason: Reason): number {
  switch (reason.kind) {
    case 'signal':
      return exitCodeOfSignal(reason.signal)
    case 'reader-gone':
      return exitCodeOfSignal('SIGPIPE')
    case 'state-gone':
      return 1
    case 'all-exited':
    case 'asked':
    case 'done':
      return 0
    case 'exit':
      return exitCodeOf(reason.exit)
  }
}
