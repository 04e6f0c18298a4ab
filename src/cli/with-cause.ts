import { describeExactly } from '../core/duration.ts'
import { describeExit } from '../core/exit.ts'
import type { ProcessId } from '../core/names.ts'
import type { Reason } from '../core/session.ts'
import { SURVIVED, stillRunning } from '../core/survivors.ts'
import type { Carrier } from '../runtime/process-table.ts'
import type { Fixture } from './fixture.ts'
import { describeReason, duration } from './journal-text.ts'
import { describeMissing } from './waiting.ts'
import type { Missing } from './waiting.ts'

/** What timeout(1) ends with. */
const TIMED_OUT = 124

/** Why the work could not be done, or not to its end. */
export interface Cause {
  /** One sentence for a person. */
  readonly message: string
  readonly exitCode: number
  readonly reason: Reason
  /** Whose last lines tell more. */
  readonly processes: readonly ProcessId[]
}

export interface Outcome {
  readonly fixture: Fixture
  /** What was not ready when the command was to begin, or in the moment in which the time was over. */
  readonly missing: Missing
  /** Of the command; undefined if it was not begun. */
  readonly code: number | undefined
  readonly isLate: boolean
  readonly limitMs: number | undefined
}

/** What went wrong, other than the command ending with a failure of its own; undefined if nothing did. */
export function causeOf(outcome: Outcome): Cause | undefined {
  const { fixture, missing, code, isLate, limitMs = 0 } = outcome
  const { ending } = fixture.session
  const when = code === undefined ? 'before everything was ready' : 'while the command ran'
  if (ending !== undefined) {
    const { reason } = ending
    const isSignal = reason.kind === 'signal'
    const message =
      reason.kind === 'exit' ? deathOf(fixture, reason, when) : `${describeReason(reason)} ${when}`
    const processes = reason.kind === 'exit' ? [reason.process] : []
    // A process that ended with 0 was still to be there.
    return { message, exitCode: isSignal ? ending.code : ending.code || 1, reason, processes }
  }
  if (isLate) {
    const message = `the time limit of ${describeExactly(limitMs)} is over: ${describeLate(outcome)}`
    return { message, exitCode: TIMED_OUT, reason: { kind: 'done' }, processes: missing.missing }
  }
  if (missing.missing.length === 0) return undefined
  const processes = missing.failed.length > 0 ? missing.failed : missing.missing
  return { message: describeMissing(missing), exitCode: 1, reason: { kind: 'done' }, processes }
}

function describeLate({ missing, code }: Outcome): string {
  if (code !== undefined) return 'the command still ran'
  return missing.missing.length > 0 ? describeMissing(missing) : 'the command had not begun'
}

function deathOf(fixture: Fixture, { process, exit }: Reason & { kind: 'exit' }, when: string): string {
  const state = fixture.observed().get(process)
  const run = state !== undefined && 'run' in state ? state.run : undefined
  const after = run?.endedAt === undefined ? '' : ` after ${duration(run.endedAt - run.startedAt)}`
  return `${process} ${describeExit(exit)}${after}, ${when}`
}

/** What is still there when nothing should be; undefined if nothing is. */
export function leakOf(survivors: readonly Carrier[]): Cause | undefined {
  if (survivors.length === 0) return undefined
  return { message: stillRunning(survivors), exitCode: SURVIVED, reason: { kind: 'done' }, processes: [] }
}
