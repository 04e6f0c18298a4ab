// The order of the runs, and fewer rounds for slow tools, so that a whole run takes about ten minutes.

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
 * How many rounds a figure gets of this tool. `rounds` is a number, or { own, peers, slow }: of tw-run and the
 * floors, of the peers, and of the peers that take so long that they get a share of the work only.
 */
export function roundsOf(rounds, { kind, slowness }) {
  if (typeof rounds === 'number') return rounds
  if (kind !== 'peer') return rounds.own
  return slowness === undefined ? rounds.peers : (rounds.slow ?? rounds.peers)
}

/** The same in words. */
export function describeRounds(rounds) {
  if (typeof rounds === 'number') return `Rounds: ${rounds}`
  const { own, peers, slow = peers } = rounds
  if (own === peers && own === slow) return `Rounds: ${own}`
  const ofPeers = own === peers ? `Rounds: ${own}` : `Rounds: ${own}, of peers ${peers}`
  return slow === peers ? ofPeers : `${ofPeers}, of peers with a share of the work ${slow}`
}

/** The most rounds that any tool gets. */
export const mostRounds = (rounds) =>
  typeof rounds === 'number' ? rounds : Math.max(rounds.own, rounds.peers)

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
