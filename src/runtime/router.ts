import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { headWithoutOffer } from '../core/forwarding.ts'
import type { Asked } from '../core/forwarding.ts'
import { Rotation } from '../core/rotation.ts'
import type { Connection } from '../core/rotation.ts'
import { DRAIN_MS, urlOf } from '../core/router.ts'
import { Backends, LOOK_EVERY_MS } from './router-backends.ts'
import type { Backend } from './router-backends.ts'
import { RoutedRequest } from './router-request.ts'
import type { Answer, Switchboard } from './router-switchboard.ts'
import { RoutedUpgrade } from './router-upgrade.ts'
import { descriptorCeiling } from './descriptors.ts'
import type { StateDir } from './state-dir.ts'
import { sentCookies, setCookies, traceOf } from './trace.ts'

/** More than this do not wait: memory is bounded. */
const MOST_WAITING = 1_000
/** A client has this long for its headers, ms, and is looked at this often. */
const HEADERS_WITHIN_MS = 15_000
const CHECK_EVERY_MS = 1_000
/** How long an idle connection of a client is kept, ms: longer than clients keep theirs. */
const KEEP_ALIVE_MS = 75_000

/** Connections that the kernel keeps while the router is busy, or being replaced. */
const BACKLOG = 4_096

export interface RouterOptions {
  readonly state: StateDir
  readonly host: string
  readonly port: number
  /** A descriptor that is bound to the address already. */
  readonly socket: number | undefined
  /** How long a client may take for its headers, ms; the usual time if it is left out. */
  readonly headersWithinMs?: number
  /** What a person may want to know. */
  readonly say: (text: string) => void
}

/**
 * One address in front of all ready web processes. What it knows it reads from the state directory, so that it
 * can be killed and started again at any instant.
 */
export class Router implements Switchboard {
  readonly #options: RouterOptions
  readonly #server: Server
  readonly #backends: Backends
  readonly #rotation = new Rotation()
  readonly #connections = new WeakMap<Duplex, Connection>()
  readonly #waiting = new Map<() => void, NodeJS.Timeout>()
  readonly #upgraded = new Set<Duplex>()
  readonly #trace: ReturnType<typeof traceOf>
  #inFlight = 0
  #ended: (() => void) | undefined

  constructor(options: RouterOptions) {
    this.#options = options
    this.#trace = traceOf(options.state.path)
    this.#backends = new Backends(options.state, () => this.#wake(), options.say)
    this.#server = createServer({
      headersTimeout: options.headersWithinMs ?? HEADERS_WITHIN_MS,
      // A big upload takes its time; one that stands still is ended by the request itself.
      requestTimeout: 0,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
    })
    // Each may need another one to a process; what comes above is hung up on, and the rest lives on.
    this.#server.maxConnections = Math.max(1, Math.floor(descriptorCeiling() / 2))
    this.#server.on('request', (request, response) => this.#route(request, response, false))
    this.#server.on('checkContinue', (request, response) => this.#route(request, response, true))
    this.#server.on('upgrade', (request, socket, head) => this.#routeUpgrade(request, socket, head))
  }

  /** Listens, and works until it is told to stop. Errors: what `listen` says. */
  async run(): Promise<void> {
    this.#backends.look()
    const { host, port, socket, say } = this.#options
    const where = socket === undefined ? { host, port } : { fd: socket }
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen({ ...where, backlog: BACKLOG }, resolve)
    })
    const looks = setInterval(() => this.#backends.look(), LOOK_EVERY_MS)
    say(`listening on ${urlOf({ host, port })}`)
    await new Promise<void>((resolve) => (this.#ended = resolve))
    clearInterval(looks)
  }

  /** Takes no new connection, and ends when what is under way has been answered or `withinMs` are over. */
  stop(withinMs = DRAIN_MS): void {
    this.#server.close(() => this.#ended?.())
    this.#closeUpgraded()
    setTimeout(() => {
      this.#server.closeAllConnections()
      for (const socket of this.#upgraded) socket.destroy()
      this.#ended?.()
    }, withinMs).unref()
  }

  /** How many processes are ready for requests. */
  get ready(): number {
    return this.#backends.ready.length
  }

  /** How many requests are under way. */
  get underWay(): number {
    return this.#inFlight
  }

  choose(request: IncomingMessage, tried: ReadonlySet<Backend>): Backend | undefined {
    const { ready } = this.#backends
    const left = tried.size === 0 ? ready : ready.filter((backend) => !tried.has(backend))
    const client = { cookie: request.headers.cookie, connection: this.#connectionOf(request.socket) }
    const chosen = this.#rotation.next(left, client)
    if (chosen === undefined) return undefined
    chosen.inFlight += 1
    this.#inFlight += 1
    return chosen
  }

  over(backend: Backend): void {
    backend.inFlight -= 1
    this.#inFlight -= 1
    backend.drain()
    if (this.#ended !== undefined && !this.#server.listening) this.#closeUpgraded()
  }

  wait(until: number, again: () => void): boolean {
    const left = until - performance.now()
    if (left <= 0 || this.#waiting.size >= MOST_WAITING || !this.#server.listening) return false
    const timer = setTimeout(() => {
      this.#waiting.delete(again)
      again()
    }, left)
    this.#waiting.set(again, timer)
    return true
  }

  asked({ socket, headers }: IncomingMessage): Asked {
    return { remote: socket.remoteAddress, host: headers.host, port: this.#options.port }
  }

  gave(setCookie: string, backend: Backend): void {
    this.#rotation.gave(setCookie, backend.id)
  }

  answered(
    request: IncomingMessage,
    { id, number }: Backend,
    { askedAt, status, location, cookies }: Answer,
  ): void {
    this.#trace?.({
      process: id,
      run: number,
      from: askedAt,
      to: Date.now(),
      method: request.method ?? 'GET',
      path: withoutQuery(request.url ?? '/'),
      status,
      ...(location === undefined ? {} : { location: withoutQuery(location) }),
      sent: sentCookies(request.headers.cookie),
      set: setCookies(cookies),
    })
  }

  nobody(): string {
    const reasons = this.#backends.reasons()
    return reasons.length === 0 ? 'no web process runs' : `no web process is ready: ${reasons.join(', ')}`
  }

  complain(message: string): void {
    this.#options.say(message)
  }

  #route(request: IncomingMessage, response: ServerResponse, saysContinue: boolean): void {
    new RoutedRequest(this, { request, response, saysContinue }).begin()
  }

  #routeUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.method !== 'GET' || request.headers.upgrade?.toLowerCase() !== 'websocket')
      return this.#passOver(request, socket, head)
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
    socket.on('error', () => socket.destroy())
    new RoutedUpgrade(this, { request, socket, head }).send()
  }

  /**
   * Another protocol was offered (such as h2c by curl), which one may pass over, and then it is a request. Node has
   * given up the connection, and reads what comes on it again as if nothing had been offered.
   */
  #passOver(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.unshift(Buffer.concat([Buffer.from(headWithoutOffer(request), 'latin1'), head]))
    this.#server.emit('connection', socket)
  }

  #connectionOf(socket: Socket): Connection {
    let connection = this.#connections.get(socket)
    if (connection === undefined) this.#connections.set(socket, (connection = { last: undefined }))
    return connection
  }

  /** Others are ready than before: who waits may be lucky now. */
  #wake(): void {
    if (this.#backends.ready.length === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [again, timer] of waiting) {
      clearTimeout(timer)
      again()
    }
  }

  /** Nobody knows when they would end. */
  #closeUpgraded(): void {
    if (this.#inFlight === 0) for (const socket of this.#upgraded) socket.destroy()
  }
}

function withoutQuery(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? url
}
