import { closeSync } from 'node:fs'
import type { Run } from '../core/process.ts'
import { giveBack, GIVEN_BACK_IN, KEPT } from './give-back.ts'
import { openForReading } from './lifeline.ts'
import { goesOnBehind, logLength, logPath, noteTime } from './run-log.ts'

const LOOK_EVERY_MS = 1_000

export interface LogKeeperOptions {
  readonly directoryOf: (run: Run) => string
  /** Nobody follows the logs, who would give back what was shown: all but their ends goes. */
  readonly bounds: boolean
  /** Called for each log that has grown, within a second. */
  readonly grew: (run: Run) => void
  readonly trouble: (message: string) => void
  /** How many descriptors may be spent on logs that are quiet. */
  readonly mostQuiet: number
}

/** What is known of the log of one run. */
interface Kept {
  readonly directory: string
  readonly path: string
  /** Bytes, when it was looked at last, when it was written to (ms since 1970), and as far as that was noted. */
  length: number
  writtenAt: number
  noted: number
  givenBack: number
  /** A descriptor of it, once it has been quiet. */
  fd: number | undefined
}

/**
 * Notes how logs grow, a note a look at most, so that `logs` can say when a line was written, and keeps them
 * within their bound where nobody else does.
 */
export class LogKeeper {
  readonly #options: LogKeeperOptions
  readonly #kept = new Map<string, Kept>()
  /** How many descriptors those that are quiet have. */
  #open = 0
  #lookedAt = -Infinity

  constructor(options: LogKeeperOptions) {
    this.#options = options
  }

  /** Looks at the logs of these runs, unless that was done within the last second; `now` is ms since boot. */
  look(runs: readonly Run[], now: number): void {
    if (now < this.#lookedAt + LOOK_EVERY_MS) return
    this.#lookedAt = now
    if (this.#kept.size > runs.length) this.#forgetAllBut(runs)
    for (const run of runs) {
      const kept = this.#keptOf(run)
      if (this.#isQuiet(kept)) continue
      const { length, writtenAt } = logLength(kept.path)
      if (length === kept.length) {
        this.#openQuiet(kept)
        continue
      }
      Object.assign(kept, { length, writtenAt })
      this.#options.grew(run)
      if (this.#options.bounds) this.#bound(run, kept)
    }
    // Last: a full disk ends it, until the next look.
    for (const kept of this.#kept.values()) {
      if (kept.noted === kept.length) continue
      noteTime(kept.directory, kept.length, kept.writtenAt)
      kept.noted = kept.length
    }
  }

  #keptOf(run: Run): Kept {
    const known = this.#kept.get(run.token)
    if (known !== undefined) return known
    const directory = this.#options.directoryOf(run)
    const kept: Kept = {
      directory,
      path: logPath(directory),
      length: 0,
      writtenAt: 0,
      noted: 0,
      givenBack: 0,
      fd: undefined,
    }
    this.#kept.set(run.token, kept)
    return kept
  }

  #forgetAllBut(runs: readonly Run[]): void {
    const known = new Set(runs.map(({ token }) => token))
    for (const [token, kept] of this.#kept) {
      if (known.has(token)) continue
      this.#close(kept)
      this.#kept.delete(token)
    }
  }

  /** Whether nothing has come behind what is known. */
  #isQuiet(kept: Kept): boolean {
    if (kept.fd === undefined) return false
    try {
      return !goesOnBehind(kept.fd, kept.length)
    } catch {
      // Its disk is in trouble, or it is no file any more: the other logs are not.
      this.#close(kept)
      return false
    }
  }

  #openQuiet(kept: Kept): void {
    if (kept.fd !== undefined || this.#open >= this.#options.mostQuiet) return
    try {
      // Of a FIFO in its place anybody may be the writer, and nobody is waited for.
      kept.fd = openForReading(kept.path)
      this.#open += 1
    } catch {
      // No descriptors left, or no such file: it is looked at by its name.
    }
  }

  #close(kept: Kept): void {
    if (kept.fd === undefined) return
    closeSync(kept.fd)
    kept.fd = undefined
    this.#open -= 1
  }

  #bound({ id }: Run, kept: Kept): void {
    const { path, length, givenBack: from } = kept
    if (length - KEPT - from < GIVEN_BACK_IN) return
    kept.givenBack = length - KEPT
    giveBack(path, from, kept.givenBack - from, (why) =>
      this.#options.trouble(`the log of ${id} keeps growing: ${why}`),
    )
  }
}
