import type { ProcessId } from './names.ts'

/** How many clients are remembered by a cookie: 10,000 entries are about 1 MB, whatever clients send. */
export const MOST_REMEMBERED = 10_000
/** The cookies of one request that are looked at. */
const MOST_COOKIES = 20

/** A process that a request may be sent to. */
export interface Candidate {
  readonly id: ProcessId
  /** Requests under way to it now. */
  readonly inFlight: number
}

/** Who asks, as far as can be told. */
export interface Client {
  /** The header `cookie` of the request. */
  readonly cookie: string | undefined
  readonly connection: Connection
}

/** What is remembered of a client's connection. */
export interface Connection {
  /** The process that its last request went to. */
  last: ProcessId | undefined
}

interface Memory {
  readonly id: ProcessId
  /** Counts requests: what was seen together has the same. */
  readonly turn: number
}

/**
 * Who gets the next request: never the process that the same client's last one went to, as long as another is
 * ready; among the others the one with the least to do, in turn. The same client is who sends the same cookies,
 * else a cookie that the app gave it, else the same connection. The memory is bounded.
 */
export class Rotation {
  readonly #memory = new Map<number, Memory>()
  #turn = 0
  /** Where in the list of those that are ready the last one stood. */
  #position = -1

  /** How many cookies are remembered. */
  get size(): number {
    return this.#memory.size
  }

  /** The process for a request, and from now on the last one of this client; undefined if none is ready. */
  next<T extends Candidate>(ready: readonly T[], client: Client): T | undefined {
    if (ready.length === 0) return undefined
    const keys = keysOf(client.cookie)
    const chosen = this.#inTurn(ready, ready.length === 1 ? ready : this.#others(ready, client, keys))
    if (chosen === undefined) return undefined
    this.#turn += 1
    client.connection.last = chosen.id
    for (const key of keys) this.#remember(key, chosen.id)
    return chosen
  }

  /** The app gave a client this cookie (the value of a `set-cookie`): whoever shows it comes from that process. */
  gave(setCookie: string, id: ProcessId): void {
    const [pair = ''] = setCookie.split(';', 1)
    if (pair.trim() !== '') this.#remember(hash(pair.trim()), id)
  }

  /** Those that are left when every one that may have been this client's last is taken out, the surest first. */
  #others<T extends Candidate>(ready: readonly T[], client: Client, keys: readonly number[]): readonly T[] {
    let left = ready
    for (const id of this.#lastOnes(client, keys)) {
      const fewer = left.filter((one) => one.id !== id)
      if (fewer.length > 0) left = fewer
    }
    return left
  }

  #lastOnes({ connection }: Client, [all, ...pairs]: readonly number[]): ProcessId[] {
    const whole = all === undefined ? undefined : this.#memory.get(all)
    // What many clients send, such as a theme, was sent last by somebody else: the older, the more its own.
    const parts = pairs.flatMap((key) => this.#memory.get(key) ?? []).toSorted((a, b) => a.turn - b.turn)
    return [whole?.id, connection.last, ...parts.map(({ id }) => id)].filter((id) => id !== undefined)
  }

  /** Of those that are left the one with the least to do, beginning behind the one that was chosen last. */
  #inTurn<T extends Candidate>(ready: readonly T[], left: readonly T[]): T | undefined {
    let best: T | undefined
    let at = this.#position
    for (let step = 1; step <= ready.length; step += 1) {
      const index = (this.#position + step) % ready.length
      const one = ready[index]
      if (one === undefined || !left.includes(one) || (best && best.inFlight <= one.inFlight)) continue
      best = one
      at = index
    }
    this.#position = at
    return best
  }

  #remember(key: number, id: ProcessId): void {
    // A map keeps the order of insertion: the first one is the one that was not used for longest.
    this.#memory.delete(key)
    this.#memory.set(key, { id, turn: this.#turn })
    if (this.#memory.size <= MOST_REMEMBERED) return
    for (const oldest of this.#memory.keys()) {
      this.#memory.delete(oldest)
      break
    }
  }
}

/** All the cookies of a request as one, then each by itself. */
function keysOf(cookie: string | undefined): number[] {
  if (cookie === undefined || cookie === '') return []
  const pairs = cookie.split(';', MOST_COOKIES).map((pair) => pair.trim())
  const keys = pairs.filter((pair) => pair !== '').map(hash)
  return keys.length === 1 ? keys : [hash(`all ${cookie}`), ...keys]
}

/** What stands for `name=value`: it tells two values apart and does not tell what they are. */
export function cookieKey(pair: string): number {
  return hash(pair)
}

/** 53 bits of a text, so that a long cookie costs no more memory than a short one. */
function hash(text: string): number {
  let high = 0x811c9dc5
  let low = 0x2545f491
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 0x01000193)
    low = Math.imul(low + code, 0x9e3779b1) ^ (low >>> 15)
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0)
}
