import { setTimeout as sleep } from 'node:timers/promises'
import type { Run } from '../core/process.ts'
import { aMoment, bootNow } from '../runtime/clock.ts'
import { childOf } from '../runtime/process-table.ts'
import { hasEnded, readPid } from '../runtime/run-directory.ts'

/** How long they are waited for, ms, and how often it is looked. */
const WITHIN_MS = 250
const EVERY_MS = 2
/** A shim forks within two: for so long it is looked for in every moment. */
const SOON_MS = 5
/** How often while a launcher is at work, ms, which needs the processors more. */
const MEANWHILE_EVERY_MS = 10

/** The pids that the commands of runs see as their own, by token. */
export class Pids {
  readonly #directoryOf: (run: Run) => string
  readonly #found = new Map<string, number>()
  #isSeeking = false

  constructor(directoryOf: (run: Run) => string) {
    this.#directoryOf = directoryOf
  }

  /** Looks for them until they are taken, while a launcher is at work: of 200, afterwards, that would take 10 ms. */
  seek(runs: readonly Run[]): void {
    this.#isSeeking = true
    // What is wrong is found once more by who takes them.
    this.#seekEach(runs).catch(() => {})
  }

  async #seekEach(runs: readonly Run[]): Promise<void> {
    for (const run of runs) {
      while (this.#isSeeking && !this.#look(run)) await sleep(MEANWHILE_EVERY_MS, undefined, { ref: false })
      if (!this.#isSeeking) return
    }
  }

  /** Those of runs that have begun; without those that ended too soon, or take too long. */
  async take(runs: readonly Run[]): Promise<ReadonlyMap<string, number>> {
    this.#isSeeking = false
    const begun = bootNow()
    const waited = (): number => bootNow() - begun
    for (const run of runs)
      while (!this.#look(run) && waited() <= WITHIN_MS)
        await (waited() < SOON_MS ? aMoment() : sleep(EVERY_MS))
    const found = new Map(this.#found)
    this.#found.clear()
    return found
  }

  /** Whether it is known; of one that has ended already there is none to wait for. */
  #look(run: Run): boolean {
    if (this.#found.has(run.token)) return true
    const directory = this.#directoryOf(run)
    const shim = readPid(directory)
    const pid = shim === undefined ? undefined : childOf(shim)
    if (pid !== undefined) this.#found.set(run.token, pid)
    return pid !== undefined || hasEnded(directory)
  }
}
