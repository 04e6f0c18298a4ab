import { inVain } from '../core/in-vain.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { Observed, Want } from '../core/process.ts'
import type { ProcessId } from '../core/names.ts'

/** Says who waits for what in vain, once for each thing that went wrong. */
export class InVainTeller {
  readonly #said = new Set<string>()
  readonly #journal: (event: JournalEvent) => void

  constructor(journal: (event: JournalEvent) => void) {
    this.#journal = journal
  }

  /** `now` is ms since boot. */
  tell(wants: ReadonlyMap<ProcessId, Want>, observed: Observed, now: number): void {
    for (const { waiting, on, why } of inVain(wants, observed, now)) {
      const state = observed.get(on)
      const key = `${state !== undefined && 'run' in state ? state.run.token : on} ${waiting.join(' ')}`
      if (this.#said.has(key)) continue
      this.#said.add(key)
      this.#journal({ type: 'in-vain', waiting, on, why })
    }
  }
}
