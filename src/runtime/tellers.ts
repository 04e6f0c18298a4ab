import type { JournalEvent } from '../core/journal.ts'
import type { Desired, Observed, Run } from '../core/process.ts'
import { EndTeller } from './end-teller.ts'
import { InVainTeller } from './in-vain-teller.ts'
import { WaitingTeller } from './waiting-teller.ts'

/** Everything that is said of processes as they are seen, each thing once. */
export class Tellers {
  readonly #ends: EndTeller
  readonly #inVain: InVainTeller
  readonly #waiting: WaitingTeller

  /** `runs` are those that an earlier supervisor may have told of. */
  constructor(runs: readonly Run[], journal: (event: JournalEvent) => void) {
    this.#ends = new EndTeller(runs, journal)
    this.#inVain = new InVainTeller(journal)
    this.#waiting = new WaitingTeller(journal)
  }

  /** `now` is ms since boot. */
  tell({ wants }: Desired, observed: Observed, now: number): void {
    this.#ends.tell(observed)
    this.#inVain.tell(wants, observed, now)
  }

  /** `since` is when the end began, ms since boot. */
  tellWaiting(since: number, runs: readonly Run[]): void {
    this.#waiting.tell(since, runs)
  }
}
