import { bootNow } from './clock.ts'
import { socketsListenedOn } from './listeners.ts'

/** After so long, ms, it is asked again for sockets that nobody listens on: a program may bind one long before it listens. */
const ASK_AGAIN_MS = 1_000

/**
 * Which of the sockets that processes have open are listened on, at one look after the other. To tell takes the kernel
 * 10 ms, and who answers requests has other sockets open at every look: it is asked for what is still open at the next.
 */
export class ListeningSockets {
  #ports: ReadonlyMap<string, number> = new Map()
  #open: ReadonlySet<string> = new Set()
  #asked: ReadonlySet<string> = new Set()
  #askedAt = -Infinity

  /** Inode to port, as of now. */
  now(open: ReadonlySet<string>): ReadonlyMap<string, number> {
    this.#open = open
    this.#asked = open
    this.#askedAt = bootNow()
    this.#ports = socketsListenedOn()
    return this.#ports
  }

  /** The same; of sockets that are open for less than two looks it may say nothing. */
  lately(open: ReadonlySet<string>): ReadonlyMap<string, number> {
    const isLongAgo = bootNow() >= this.#askedAt + ASK_AGAIN_MS
    const isDue = (inode: string): boolean =>
      this.#open.has(inode) && !this.#ports.has(inode) && (isLongAgo || !this.#asked.has(inode))
    if ([...open].some(isDue)) return this.now(open)
    this.#open = open
    return this.#ports
  }
}
