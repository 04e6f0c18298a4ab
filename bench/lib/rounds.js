// The order of the runs, and fewer rounds for slow tools, so that a whole run stays under ten minutes.

import { nowMs } from './output.js'

/** Says whether a tool may have another round of something that has cost it `spent` ms so far. */
export class Budget {
  #spent = new Map()
  #longest = new Map()

  /** `ms` for each, and nothing but first rounds after `until`, a time of nowMs(). */
  constructor(ms, until) {
    this.ms = ms
    this.until = until
  }

  /** The first round is always allowed. */
  allows(what) {
    const spent = this.#spent.get(what) ?? 0
    return spent === 0 || (nowMs() < this.until && spent + this.#longest.get(what) <= this.ms)
  }

  spend(what, ms) {
    this.#spent.set(what, (this.#spent.get(what) ?? 0) + ms)
    this.#longest.set(what, Math.max(this.#longest.get(what) ?? 0, ms))
  }
}

/**
 * Every { size, round, tool } in turn: tool beside tool within a round, in another order each round, so that
 * none always runs behind the same one.
 */
export function* interleaved({ sizes, rounds, tools }) {
  for (const size of sizes) {
    for (let round = 0; round < rounds; round += 1) {
      const by = round % tools.length
      for (const tool of [...tools.slice(by), ...tools.slice(0, by)]) yield { size, round, tool }
    }
  }
}
