import { closeSync, openSync, readSync } from 'node:fs'
import type { Run } from '../core/process.ts'
import { giveBack, GIVEN_BACK_IN, KEPT } from './give-back.ts'
import { logLength, logPath, noteTime } from './run-log.ts'

const LOOK_EVERY_MS = 1_000
/** Descriptors that there must be for each run before one is spent on a log that is quiet: a run needs three. */
const PLENTY = 8
const ONE_BYTE = Buffer.alloc(1)

export interface LogKeeperOptions {
  readonly directoryOf: (run: Run) => string
  /** Nobody follows the logs, who would give back what was shown: all but their ends goes. */
  readonly bounds: boolean
  /** Called for each log that has grown, within a second. */
  readonly grew: (run: Run) => void
  readonly trouble: (message: string) => void
  /** As of `descriptorCeiling`. */
  readonly ceiling: number
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
  #lookedAt = -Infinity

  constructor(options: LogKeeperOptions) {
    this.#options = options
  }

  /** Looks at the logs of these runs, unless that was done within the last second; `now` is ms since boot. */
  look(runs: readonly Run[], now: number): void {
    if (now < this.#lookedAt + LOOK_EVERY_MS) return
    this.#lookedAt = now
    if (this.#kept.size > runs.length) this.#forgetAllBut(runs)
    const isPlenty = runs.length * PLENTY <= this.#options.ceiling
    for (const run of runs) {
      const kept = this.#keptOf(run)
      if (!isPlenty) closeQuiet(kept)
      if (isQuiet(kept)) continue
      const { length, writtenAt } = logLength(kept.path)
      if (length === kept.length) {
        if (isPlenty) kept.fd ??= openQuiet(kept.path)
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
      closeQuiet(kept)
      this.#kept.delete(token)
    }
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

/**
 * Whether nothing has come behind what is known. A read of one byte that is not there takes a fifth of a stat, which
 * was half of what 200 processes cost that say nothing.
 */
function isQuiet({ fd, length }: Kept): boolean {
  return fd !== undefined && readSync(fd, ONE_BYTE, 0, 1, length) === 0
}

/** Undefined where it cannot be opened: then it is looked at by its name. */
function openQuiet(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    // No descriptors left, or no such file: nobody needs this one.
    return undefined
  }
}

function closeQuiet(kept: Kept): void {
  if (kept.fd !== undefined) closeSync(kept.fd)
  kept.fd = undefined
}
