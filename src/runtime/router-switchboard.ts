import type { IncomingMessage } from 'node:http'
import type { Asked } from '../core/forwarding.ts'
import type { Backend } from './router-backends.ts'

/** How long a request waits for a process to get ready, ms: a restart of the only one is over by then, mostly. */
export const WAIT_MS = 2_000

/** What a request needs of the router. */
export interface Switchboard {
  /** A process for this request, but for those that it was tried with; undefined if there is none now. */
  choose(request: IncomingMessage, tried: ReadonlySet<Backend>): Backend | undefined
  /** A request that a process was chosen for is over. */
  over(backend: Backend): void
  /**
   * Calls back once, when another process may be ready or at `until` (of performance.now()); false if that is over
   * or too many wait.
   */
  wait(until: number, again: () => void): boolean
  asked(request: IncomingMessage): Asked
  /** An app gave a client a cookie. */
  gave(setCookie: string, backend: Backend): void
  /** A process has begun to answer. */
  answered(request: IncomingMessage, backend: Backend, answer: Answer): void
  /** Why there is nobody to ask. */
  nobody(): string
  /** What went wrong, for the log of the router. */
  complain(message: string): void
}

/** What a process answers, before the body. */
export interface Answer {
  readonly status: number
  readonly location: string | undefined
  /** The values of `set-cookie`. */
  readonly cookies: readonly string[]
  /** When the request came, ms since 1970. */
  readonly askedAt: number
}
