import { endedEvent } from '../core/journal.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { Observed, Run } from '../core/process.ts'

/** Tells of each run that is over, once. */
export class EndTeller {
  /** The newest run of each process whose end was told. */
  readonly #told: Map<string, string>
  readonly #journal: (event: JournalEvent) => void

  /** Those that are over already were told by an earlier supervisor. */
  constructor(runs: readonly Run[], journal: (event: JournalEvent) => void) {
    this.#told = new Map(runs.filter(({ done }) => done).map(({ id, token }) => [id, token]))
    this.#journal = journal
  }

  tell(observed: Observed): void {
    for (const [id, state] of observed) {
      if (!('run' in state) || !state.run.done || this.#told.get(id) === state.run.token) continue
      this.#told.set(id, state.run.token)
      this.#journal(endedEvent(state))
    }
  }
}
