import type { Run } from '../core/process.ts'
import { logLength, noteTime } from './run-directory.ts'

/** Notes how logs grow, a note a look at most, so that `logs` can say when a line was written. */
export class LogKeeper {
  readonly #pathOf: (run: Run) => string
  readonly #lengths = new Map<string, number>()

  constructor(pathOf: (run: Run) => string) {
    this.#pathOf = pathOf
  }

  look(runs: readonly Run[]): void {
    const known = new Set(runs.map(({ token }) => token))
    for (const token of this.#lengths.keys()) if (!known.has(token)) this.#lengths.delete(token)
    for (const run of runs) {
      const path = this.#pathOf(run)
      const length = logLength(path)
      if (length === (this.#lengths.get(run.token) ?? 0)) continue
      this.#lengths.set(run.token, length)
      noteTime(path, length, Date.now())
    }
  }
}
