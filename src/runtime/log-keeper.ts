import { join } from 'node:path'
import type { Run } from '../core/process.ts'
import { bootNow } from './clock.ts'
import { giveBack, GIVEN_BACK_IN, KEPT } from './give-back.ts'
import { logLength, noteTime } from './run-directory.ts'

const LOOK_EVERY_MS = 1_000

export interface LogKeeperOptions {
  readonly pathOf: (run: Run) => string
  /** Nobody follows the logs, who would give back what was shown: all but their ends goes. */
  readonly bounds: boolean
  readonly trouble: (message: string) => void
}

/**
 * Notes how logs grow, a note a look at most, so that `logs` can say when a line was written, and keeps them
 * within their bound where nobody else does.
 */
export class LogKeeper {
  readonly #options: LogKeeperOptions
  readonly #lengths = new Map<string, number>()
  readonly #givenBack = new Map<string, number>()
  #lookedAt = -Infinity

  constructor(options: LogKeeperOptions) {
    this.#options = options
  }

  /** Looks at the logs of these runs, unless that was done within the last second. */
  look(runs: readonly Run[]): void {
    const now = bootNow()
    if (now < this.#lookedAt + LOOK_EVERY_MS) return
    this.#lookedAt = now
    const known = new Set(runs.map(({ token }) => token))
    for (const map of [this.#lengths, this.#givenBack]) {
      for (const token of map.keys()) if (!known.has(token)) map.delete(token)
    }
    for (const run of runs) {
      const path = this.#options.pathOf(run)
      const { length, writtenAt } = logLength(path)
      if (length === (this.#lengths.get(run.token) ?? 0)) continue
      this.#lengths.set(run.token, length)
      noteTime(path, length, writtenAt)
      if (this.#options.bounds) this.#bound(run, path, length)
    }
  }

  #bound({ id, token }: Run, path: string, length: number): void {
    const from = this.#givenBack.get(token) ?? 0
    if (length - KEPT - from < GIVEN_BACK_IN) return
    this.#givenBack.set(token, length - KEPT)
    giveBack(join(path, 'log'), from, length - KEPT - from, (why) =>
      this.#options.trouble(`the log of ${id} keeps growing: ${why}`),
    )
  }
}
