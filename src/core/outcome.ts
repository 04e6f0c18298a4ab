import { exitCodeOf } from './exit.ts'
import type { Desired, Exit, Observed, ProcessState, Want } from './process.ts'
import type { ProcessId } from './names.ts'
import { isUnkillable } from './reconcile.ts'
import type { Ending, Session } from './session.ts'

/** What the run as a whole should do next; undefined while it should go on as it is. */
export type Outcome =
  | { readonly do: 'end'; readonly ending: Ending }
  | { readonly do: 'next-stage' }
  | { readonly do: 'over'; readonly code: number }
  | undefined

/**
 * Whether the run should end, and with which exit code: by the first process that ended and is not to be
 * restarted (its code), or when none is left (0). An ending run is over when everything is at rest.
 */
export function outcome(session: Session, desired: Desired, observed: Observed, now: number): Outcome {
  if (session.ending !== undefined) {
    for (const state of observed.values()) if (!isOver(state, now)) return undefined
    return { do: 'over', code: session.ending.code }
  }
  const ended = [...desired.wants].flatMap(([id, want]) => {
    const end = endOf(id, observed.get(id))
    return end !== undefined && end.generation === want.generation ? [{ ...end, want }] : []
  })
  const first = ended.filter((end) => end.final || endsTheRun(end)).toSorted(byTime)[0]
  if (session.stages[0] !== 'formation') return first && stageOutcome(first)
  if (first !== undefined) return end(first)
  if (desired.wants.size > 0 && ended.length === desired.wants.size && ended.every((one) => one.settled)) {
    return { do: 'end', ending: { code: 0, reason: { kind: 'all-exited' }, hurried: false } }
  }
  return undefined
}

/** Under the policy `no` an end is the end of all, but for one that was expected and went well. */
function endsTheRun({ exit, want }: ProcessEnd & { readonly want: Want }): boolean {
  return want.policy.when === 'no' && !(want.mayExit === true && exitCodeOf(exit) === 0)
}

interface ProcessEnd {
  readonly id: ProcessId
  readonly exit: Exit
  readonly at: number
  readonly generation: number
  /** It gave up: that ends the run under every policy. */
  readonly final: boolean
  /** Swept and recorded. */
  readonly settled: boolean
}

/** How a process ended by itself, as soon as it is known; undefined for one that lives or is to be restarted. */
function endOf(id: ProcessId, state: ProcessState | undefined): ProcessEnd | undefined {
  if (state === undefined) return undefined
  switch (state.phase) {
    case 'sweeping': {
      const { run, exit } = state
      const unborn = run.stop !== undefined || (exit.kind === 'unstarted' && exit.again)
      if (unborn) return undefined
      return {
        id,
        exit,
        at: run.endedAt ?? Infinity,
        generation: run.generation,
        final: false,
        settled: false,
      }
    }
    case 'exited':
    case 'crashed': {
      const { run, exit, endedAt } = state
      const final = state.phase === 'crashed'
      return { id, exit, at: endedAt, generation: run.generation, final, settled: true }
    }
    case 'absent':
    case 'starting':
    case 'up':
    case 'stopping':
    case 'stopped':
    case 'backoff':
      return undefined
  }
}

function byTime(a: ProcessEnd, b: ProcessEnd): number {
  return a.at === b.at ? 0 : a.at - b.at
}

function stageOutcome(first: ProcessEnd): Outcome {
  if (exitCodeOf(first.exit) !== 0) return end(first)
  return first.settled ? { do: 'next-stage' } : undefined
}

function end({ id, exit }: ProcessEnd): Outcome {
  return {
    do: 'end',
    ending: { code: exitCodeOf(exit), reason: { kind: 'exit', process: id, exit }, hurried: false },
  }
}

/** Nothing of it runs any more, or nothing that SIGKILL could end. */
function isOver(state: ProcessState, now: number): boolean {
  switch (state.phase) {
    case 'starting':
    case 'up':
    case 'sweeping':
      return false
    case 'stopping':
      return isUnkillable(state.run, state.stop, now)
    case 'absent':
    case 'stopped':
    case 'backoff':
    case 'exited':
    case 'crashed':
      return true
  }
}
