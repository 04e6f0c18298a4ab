import { connect } from 'node:net'
import { bootNow } from './clock.ts'
import { listeningPorts } from './listeners.ts'
import { textOf } from './proc-files.ts'

/** Whether the kernel says who listens. */
const HAS_TABLE = process.platform === 'linux'
const LOOPBACK = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/** A table of the kernel's, which takes it 5 ms to write, of none or of many; to tell how many are in use takes it 0.02. */
const FAMILIES = [
  { table: '/proc/net/tcp', counts: '/proc/net/sockstat', inUse: /^TCP: inuse \d+/m },
  { table: '/proc/net/tcp6', counts: '/proc/net/sockstat6', inUse: /^TCP6: inuse \d+/m },
] as const
/** For so long (ms) as many sockets are taken to mean the same ones: one may come as another goes. */
const BELIEVED_MS = 5_000

/** The ports that somebody listens on: at each look as of when it is first asked for. */
export class Listening {
  readonly #families = FAMILIES.map((family) => new FamilyPorts(family))
  #isLooked = false

  /** Another look begins. */
  lookAgain(): void {
    this.#isLooked = false
  }

  /** Undefined where the kernel does not tell. */
  has(port: number): boolean | undefined {
    if (!HAS_TABLE) return undefined
    if (!this.#isLooked) for (const family of this.#families) family.look()
    this.#isLooked = true
    return this.#families.some(({ ports }) => ports.has(port))
  }
}

/** The ports that somebody listens on by IPv4, or by IPv6. */
class FamilyPorts {
  readonly #family: (typeof FAMILIES)[number]
  #ports: ReadonlySet<number> = new Set()
  #readAt = -Infinity
  #count: string | undefined

  constructor(family: (typeof FAMILIES)[number]) {
    this.#family = family
  }

  get ports(): ReadonlySet<number> {
    return this.#ports
  }

  look(): void {
    const { table, counts, inUse } = this.#family
    // Counted first: what comes between is in the table, or in the next count.
    const count = inUse.exec(textOf(counts))?.[0]
    const now = bootNow()
    if (count !== undefined && count === this.#count && now < this.#readAt + BELIEVED_MS) return
    this.#count = count
    this.#readAt = now
    this.#ports = listeningPorts([table])
  }
}

/** Whether somebody listens: by the kernel's table, else by a connection that is closed at once. */
export async function probeListen(
  port: number,
  listening: Listening,
  signal: AbortSignal,
): Promise<string | undefined> {
  const isThere = listening.has(port) ?? (await accepts(port, signal))
  return isThere ? undefined : `does not listen on port ${port}`
}

async function accepts(port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({
      port,
      host: 'localhost',
      autoSelectFamily: true,
      lookup: (_name, _options, found) => found(null, LOOPBACK),
    })
    const end = (isThere: boolean): void => {
      socket.destroy()
      resolve(isThere)
    }
    signal.addEventListener('abort', () => end(false), { once: true })
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
  })
}
