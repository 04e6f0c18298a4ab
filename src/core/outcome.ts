import { exitCodeOf } from './exit.ts'
import type { Desired, Exit, Observed, ProcessState, Want } from './process.ts'
import type { ProcessId } from './names.ts'
import { inVain, isToStart, waitingFor } from './in-vain.ts'
import { isToldToStop } from './observe.ts'
import { awaitedBy } from './readiness.ts'
import { isUnkillable } from './reconcile.ts'
import { ROUTER } from './router.ts'
import type { Ending, Session } from './session.ts'
import { stagesAfter } from './stages.ts'

/** What the run as a whole should do next; undefined while it should go on as it is. */
export type Outcome =
  | { readonly do: 'end'; readonly ending: Ending }
  | { readonly do: 'next-stage' }
  | { readonly do: 'over'; readonly code: number }
  | undefined

const ALL_EXITED: Outcome = {
  do: 'end',
  ending: { code: 0, reason: { kind: 'all-exited' }, hurried: false },
}

/**
 * Whether the run should end, and with which exit code: by the first process that ended and is not to be
 * restarted (its code), or when none is left (0; a fixture goes on, since its command does), nor anything to come after
 * the last stage. An ending run is over when everything is at rest.
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
  if (session.stages[0] !== 'formation') return first && stageOutcome(session, first)
  if (first !== undefined) return end(first, waitingFor(first.id, desired.wants, observed, now))
  // A router alone has nothing to lead to.
  const ofApp = [...desired.wants.keys()].filter((id) => id !== ROUTER)
  const settled = ended.filter((one) => one.settled && one.id !== ROUTER)
  // Of a fixture the command is what it is there for, and what has ended was there for the command.
  if (ofApp.length > 0 && settled.length === ofApp.length && session.isFixture !== true) {
    return ALL_EXITED
  }
  return ended.every((one) => one.settled) ? stuck(desired, observed, ended, now) : undefined
}

/** Whatever is left waits for what is over: nothing will ever happen again. */
function stuck({ wants }: Desired, observed: Observed, ended: readonly ProcessEnd[], now: number): Outcome {
  if (ended.length === 0 || ended.length === wants.size) return undefined
  const vain = inVain(wants, observed, now).filter(({ isOver }) => isOver)
  const waiting = new Set(vain.flatMap((one) => one.waiting))
  const over = new Set(ended.map(({ id }) => id))
  const ofApp = [...wants.keys()].filter((id) => id !== ROUTER)
  const isStuck = ofApp.every((id) => waiting.has(id) || over.has(id) || leadsToOver(id))
  const [cause] = ended.filter(({ id }) => vain.some(({ on }) => on === id)).toSorted(byTime)
  if (!isStuck || cause === undefined) return undefined
  return end(
    cause,
    ofApp.filter((id) => !over.has(id)),
  )

  /** It waits for one that waits in vain itself. */
  function leadsToOver(id: ProcessId): boolean {
    const want = wants.get(id)
    if (want === undefined || !isToStart(observed.get(id), want)) return false
    return awaitedBy(want, wants, observed, now).some((on) => waiting.has(on) || leadsToOver(on))
  }
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
      const unborn = isToldToStop(run) || (exit.kind === 'unstarted' && exit.again)
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

function stageOutcome(session: Session, first: ProcessEnd): Outcome {
  if (exitCodeOf(first.exit) !== 0) return end(first)
  if (!first.settled) return undefined
  return stagesAfter(session).length === 0 ? ALL_EXITED : { do: 'next-stage' }
}

function end({ id, exit }: ProcessEnd, waiting: readonly ProcessId[] = []): Outcome & { do: 'end' } {
  const inVain = waiting.length === 0 ? {} : { inVain: waiting }
  // It need not have failed itself for the others to be left without it.
  const code = exitCodeOf(exit) || (waiting.length === 0 ? 0 : 1)
  return {
    do: 'end',
    ending: { code, reason: { kind: 'exit', process: id, exit, ...inVain }, hurried: false },
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
