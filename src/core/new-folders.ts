/**
 * So long (ms) after a folder came it is looked into: whoever watches folders reads a new one before it watches it, and
 * what comes between the two is never told. A moment later, and when a busy machine is through.
 */
const LOOK_INTO_AFTER_MS = [200, 2_000]
/** Folders that come within so long (ms) are looked into together. */
const TOGETHER_MS = 100

/** The folders that came, and when each is still to be looked into. */
export class NewFolders {
  /** ms since boot. */
  readonly #times = new Map<string, readonly number[]>()
  #nextAt = Infinity

  /** When the next one is to be looked into, ms since boot. */
  get nextAt(): number {
    return this.#nextAt
  }

  /** At `now`, ms since boot; one that is known comes no second time. */
  came(folder: string, now: number): void {
    if (this.#times.has(folder)) return
    const times = LOOK_INTO_AFTER_MS.map((after) => Math.ceil((now + after) / TOGETHER_MS) * TOGETHER_MS)
    this.#times.set(folder, times)
    this.#nextAt = Math.min(this.#nextAt, ...times)
  }

  gone(folder: string): void {
    this.#times.delete(folder)
  }

  /** Until it has been looked into for the last time. */
  isKnown(folder: string): boolean {
    return this.#times.has(folder)
  }

  /** Which are to be looked into at `now`, ms since boot; they are known until `done`. */
  due(now: number): string[] {
    if (now < this.#nextAt) return []
    return [...this.#times].flatMap(([folder, times]) => (times.some((at) => at <= now) ? [folder] : []))
  }

  /** Those that were due at `now` have been looked into. */
  done(now: number): void {
    if (now < this.#nextAt) return
    this.#nextAt = Infinity
    for (const [folder, times] of this.#times) {
      const rest = times.filter((at) => at > now)
      if (rest.length === 0) this.#times.delete(folder)
      else this.#times.set(folder, rest)
      this.#nextAt = Math.min(this.#nextAt, ...rest)
    }
  }
}
