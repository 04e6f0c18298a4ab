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

/** What the kernel counts of its sockets, which takes it 0.1 ms to tell; its tables of them take 10, of none or of many. */
const COUNTS = ['/proc/net/sockstat', '/proc/net/sockstat6']
/** Not how much of its memory they use, which changes with every byte. */
const OF_TCP = /^TCP.* alloc \d+|^TCP6:.*/m
/** For so long (ms) the same counts are taken to mean that nobody came: one may have come as another went. */
const BELIEVED_MS = 5_000

/** The ports that somebody listens on: at each look as of when it is first asked for. */
export class Listening {
  #ports: ReadonlySet<number> = new Set()
  #readAt = -Infinity
  #counts = ''
  #isLooked = false
  #isRead = false

  /** Another look begins. */
  lookAgain(): void {
    this.#isLooked = false
    this.#isRead = false
  }

  /** Undefined where the kernel does not tell. */
  has(port: number): boolean | undefined {
    if (!HAS_TABLE) return undefined
    if (!this.#isLooked) this.#look()
    this.#isLooked = true
    // Who is late is asked for again; who is taken to be ready, and has gone as another one came, is not.
    if (this.#ports.has(port) && !this.#isRead) this.#read()
    return this.#ports.has(port)
  }

  #look(): void {
    // Counted first: what comes between is in the tables, or in the next counts.
    const counts = COUNTS.map((file) => OF_TCP.exec(textOf(file))?.[0] ?? '').join()
    const isSame = counts === this.#counts && counts.length > 1
    this.#counts = counts
    if (!isSame || bootNow() >= this.#readAt + BELIEVED_MS) this.#read()
  }

  #read(): void {
    this.#isRead = true
    this.#readAt = bootNow()
    this.#ports = listeningPorts()
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
