import { objectIn } from './json.ts'
import { parseProcessId } from './names.ts'
import type { ProcessId } from './names.ts'

/** A cookie, without its value: two with the same key had the same one. */
export interface SeenCookie {
  readonly name: string
  readonly key: number
}

/** One request and its answer, as the router saw them. No value of a cookie and no query is kept. */
export interface Exchange {
  readonly process: ProcessId
  /** The run of the process. */
  readonly run: number
  /** When it was asked and when it began to answer, ms since 1970. */
  readonly from: number
  readonly to: number
  readonly method: string
  readonly path: string
  readonly status: number
  /** Where a redirect leads, without its query. */
  readonly location?: string
  /** What the client sent, and what the app set. */
  readonly sent: readonly SeenCookie[]
  readonly set: readonly SeenCookie[]
}

/** Reads a line of a trace; undefined for one that is none, such as one cut off by a kill. */
export function decodeExchange(line: string): Exchange | undefined {
  const { process, run, from, to, method, path, status, location, sent, set } = objectIn(line) ?? {}
  const id = typeof process === 'string' ? parseProcessId(process)?.id : undefined
  if (id === undefined || typeof run !== 'number' || typeof status !== 'number') return undefined
  if (typeof method !== 'string' || typeof path !== 'string') return undefined
  if (typeof from !== 'number' || typeof to !== 'number') return undefined
  if (!areCookies(sent) || !areCookies(set)) return undefined
  const known = { process: id, run, from, to, method, path, status, sent, set }
  return typeof location === 'string' ? { ...known, location } : known
}

function areCookies(value: unknown): value is SeenCookie[] {
  return (
    Array.isArray(value) &&
    value.every(
      (one: Partial<SeenCookie> | null) => typeof one?.name === 'string' && typeof one.key === 'number',
    )
  )
}

/** A cookie that some process did not know, and how that showed. */
export interface LostSession {
  readonly cookie: string
  /** Who set it, if that was seen. */
  readonly from: Exchange | undefined
  /** Whose answer shows that it was not known. */
  readonly by: Exchange
}

/**
 * The cookies that were known to one process and not to another, or not after its restart. Only to be asked where the
 * tests failed: a logout looks the same. The surest first: the same request was answered well with the same cookie
 * before; then a new cookie of that name in the answer to one that was sent.
 */
export function lostSessions(exchanges: readonly Exchange[]): LostSession[] {
  const setters = new Map<string, Exchange>()
  const knew = new Map<string, Exchange>()
  const sure = new Map<string, LostSession>()
  const likely = new Map<string, LostSession>()
  for (const exchange of exchanges) {
    const { method, path, status, sent, set } = exchange
    for (const { name, key } of sent) {
      const from = setters.get(`${name} ${key}`)
      const what = `${name} ${key} ${method} ${path}`
      const earlier = knew.get(what)
      if (status < 300) knew.set(what, earlier ?? exchange)
      if (isOther(earlier, exchange) && isRefusal(exchange))
        keep(sure, name, { cookie: name, from, by: exchange })
      else if (isOther(from, exchange) && (isRefusal(exchange) || isSetAnew(exchange, name, key)))
        keep(likely, name, { cookie: name, from, by: exchange })
    }
    for (const { name, key } of set) {
      if (!setters.has(`${name} ${key}`)) setters.set(`${name} ${key}`, exchange)
    }
  }
  return sure.size > 0 ? [...sure.values()] : [...likely.values()]
}

function keep(lost: Map<string, LostSession>, cookie: string, one: LostSession): void {
  if (!lost.has(cookie)) lost.set(cookie, one)
}

/** Another process, or another run of it. */
export function isOther(before: Exchange | undefined, now: Exchange): before is Exchange {
  return before !== undefined && (before.process !== now.process || before.run !== now.run)
}

/** Not let in, or sent somewhere else. */
function isRefusal({ status }: Exchange): boolean {
  return (
    status === 401 || status === 403 || status === 404 || (status >= 300 && status < 400 && status !== 304)
  )
}

function isSetAnew({ set }: Exchange, name: string, key: number): boolean {
  return set.some((cookie) => cookie.name === name && cookie.key !== key)
}

/** `GET /cart: 302 to /login`, for a person. */
function describeExchange({ method, path, status, location }: Exchange): string {
  return `${method} ${path}: ${status}${location === undefined ? '' : ` to ${location}`}`
}

/** The finding in a sentence. */
export function describeLost({ cookie, from, by }: LostSession): string {
  const whose = from === undefined ? '' : ` set by ${from.process}`
  const isRestart = from?.process === by.process
  const who = isRestart ? `${by.process} after its restart` : by.process
  return `cookie "${cookie}"${whose} was unknown to ${who} (${describeExchange(by)})`
}

/** Linux stamps files with a clock that stands still between two ticks, which are 10 ms apart at most. */
const CLOCK_LAG_MS = 10

/** Who may have been answering when a file was stamped with that time (ms since 1970), one exchange of each process. */
export function answeringAt(exchanges: readonly Exchange[], time: number): Exchange[] {
  const those = new Map<ProcessId, Exchange>()
  for (const exchange of exchanges) {
    const { process, from, to } = exchange
    if (from - CLOCK_LAG_MS <= time && time <= to && !those.has(process)) those.set(process, exchange)
  }
  return [...those.values()]
}
