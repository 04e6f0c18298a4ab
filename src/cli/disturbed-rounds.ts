import { hasFailed } from './test-rounds.ts'
import type { TestRound } from './test-rounds.ts'

/** What came of the tests in a disturbed formation. */
export interface Rounds {
  readonly rounds: number
  readonly failures: number
  /** The first one that failed, and which it was; undefined if all passed. */
  readonly failed: (TestRound & { readonly number: number }) | undefined
}

export const NO_ROUNDS: Rounds = { rounds: 0, failures: 0, failed: undefined }

export interface RoundsGiven {
  readonly once: () => Promise<TestRound>
  /** Whether a round that failed ends the proof: not where what made it fail is meant to be so. */
  readonly endsAll: () => boolean
  /** Whether the formation is going away. */
  readonly isEnding: () => boolean
  /** Called after the first round. */
  readonly disturb: () => void
  readonly isEnough: () => boolean
}

/** The tests again and again, all but the first time disturbed, until a failure ends it or it is enough. */
export async function disturbedRounds({
  once,
  endsAll,
  isEnding,
  disturb,
  isEnough,
}: RoundsGiven): Promise<Rounds> {
  let seen = NO_ROUNDS
  for (;;) {
    const round = await once()
    const number = seen.rounds + 1
    const isFailure = hasFailed(round)
    seen = {
      rounds: number,
      failures: seen.failures + (isFailure ? 1 : 0),
      failed: seen.failed ?? (isFailure ? { ...round, number } : undefined),
    }
    if (isEnding() || (isFailure && endsAll())) return seen
    // While one of two is replaced, the other one answers all: so not before a round with everybody there.
    if (number === 1) disturb()
    else if (isEnough()) return seen
  }
}
