import type { JournalEvent } from '../core/journal.ts'
import type { Run } from '../core/process.ts'
import { bootNow } from './clock.ts'

/** From the beginning of an end to the first word on who is waited for, and from one word to the next, ms. */
const FIRST_AFTER_MS = 1_000
const EVERY_MS = 5_000

/** Says who is waited for while an end takes its time. */
export class WaitingTeller {
  readonly #journal: (event: JournalEvent) => void
  #saidAt = -Infinity

  constructor(journal: (event: JournalEvent) => void) {
    this.#journal = journal
  }

  /** `since` is when the end began, ms since boot. */
  tell(since: number, runs: readonly Run[]): void {
    const now = bootNow()
    if (now < since + FIRST_AFTER_MS || now < this.#saidAt + EVERY_MS) return
    this.#saidAt = now
    const living = runs.filter(({ done }) => !done)
    if (living.length > 0) this.#journal({ type: 'waiting', runs: living })
  }
}
