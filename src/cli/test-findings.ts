import { describeLost, lostSessions } from '../core/exchange.ts'
import type { Exchange, LostSession } from '../core/exchange.ts'
import type { Finding } from '../core/finding.ts'
import { replacedSessions } from '../core/replaced-sessions.ts'
import type { Rounds } from './disturbed-rounds.ts'
import { describeFailure } from './test-rounds.ts'

const FAILURE = { rule: 'tests', subject: 'tests' } as const

/** What the router has seen: while the tests ran undisturbed, and in the proof. */
export interface Traces {
  readonly undisturbed: readonly Exchange[]
  readonly disturbed: readonly Exchange[]
}

/**
 * Why the tests failed, as far as the router has seen it: the cookies that were lost, and where none of them counts the
 * failure itself, since what is meant to be so is no reason to fail. Where they passed, the sessions whose loss they did
 * not mind.
 */
export function testFindings(
  { failed }: Rounds,
  { undisturbed, disturbed }: Traces,
  isMeant: (finding: Finding) => boolean,
): readonly Finding[] {
  if (failed === undefined) {
    const andYet = ', which gave a new one; the tests passed all the same'
    return replacedSessions(undisturbed, disturbed).map((one) => sessionFinding(one, andYet))
  }
  const lost = lostCookies(disturbed)
  if (lost.some((one) => !isMeant(one))) return lost
  const when =
    failed.number === 1
      ? 'with one process of each type and failed with several'
      : `undisturbed and failed while processes were replaced, in round ${failed.number}`
  const evidence = `the tests passed ${when} (${describeFailure(failed)})`
  const failure = { ...FAILURE, evidence }
  if (lost.length === 0 || isMeant(failure)) return [...lost, failure]
  return [
    ...lost,
    { ...failure, evidence: `${evidence}; if that is meant to be so as well, add --ignore tests` },
  ]
}

/** Whether a failure of the tests, as far as its reason is known by now, is not one that was meant to be. */
export function isUnmeant(trace: readonly Exchange[], isMeant: (finding: Finding) => boolean): boolean {
  const lost = lostCookies(trace)
  const reasons = lost.length > 0 ? lost : [{ ...FAILURE, evidence: '' }]
  return reasons.some((one) => !isMeant(one))
}

function lostCookies(trace: readonly Exchange[]): Finding[] {
  return lostSessions(trace).map((one) => sessionFinding(one))
}

function sessionFinding(lost: LostSession, more = ''): Finding {
  return { rule: 'session', subject: lost.cookie, evidence: describeLost(lost) + more }
}
