import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { LoopbackPort } from './loopback-port.ts'

const NOTHING = Buffer.alloc(0)

/** A request whose body is still to come. */
export interface Ahead {
  readonly method: string
  readonly path: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: Readable
}

type Handler = Required<
  Pick<
    Dispatcher.DispatchHandler,
    'onRequestStart' | 'onResponseStart' | 'onResponseData' | 'onResponseEnd' | 'onResponseError'
  >
>

/**
 * Does what a pool of undici does, but sends the head of the request at once: undici keeps it back until there is
 * something of the body, and an app that says no before that would not be asked. On a connection of its own, for one
 * that the app may have closed is no place for a request that cannot be repeated.
 */
export class AheadRequest implements Dispatcher.DispatchController {
  readonly #handler: Handler
  readonly #body: Readable
  readonly #outgoing: ClientRequest
  #incoming: IncomingMessage | undefined
  #isOver = false
  reason: Error | null = null

  constructor(port: LoopbackPort, { method, path, headers, body }: Ahead, handler: Handler) {
    this.#handler = handler
    this.#body = body
    this.#outgoing = request({
      method,
      path,
      headers: framed(headers, port.port),
      createConnection: (_options, done) => {
        port.connect((error, socket) => (error === undefined ? done(null, socket) : this.#fail(error)))
        return undefined
      },
    })
    this.#outgoing.on('error', (error) => this.#fail(error))
    this.#outgoing.once('socket', (socket) => this.#send(socket))
    this.#outgoing.once('response', (incoming) => this.#receive(incoming))
  }

  get rawHeaders(): string[] | null {
    return this.#incoming?.rawHeaders ?? null
  }

  get rawTrailers(): string[] | null {
    return this.#incoming?.rawTrailers ?? null
  }

  get aborted(): boolean {
    return this.reason !== null
  }

  get paused(): boolean {
    return this.#incoming?.isPaused() ?? false
  }

  abort(reason: Error): void {
    this.reason = reason
    this.#fail(reason)
  }

  pause(): void {
    this.#incoming?.pause()
  }

  resume(): void {
    this.#incoming?.resume()
  }

  #send(socket: Socket): void {
    // What is whole may wait for a slow reader still.
    socket.once('close', () => {
      if (this.#incoming?.complete !== true) this.#fail(new Error('other side closed'))
    })
    this.#handler.onRequestStart(this, {})
    if (this.#isOver) return
    // `flushHeaders` would encode them as UTF-8.
    this.#outgoing.write(NOTHING)
    this.#body.pipe(this.#outgoing)
  }

  #receive(incoming: IncomingMessage): void {
    this.#incoming = incoming
    incoming.on('error', (error) => this.#fail(error))
    const { statusCode = 0, statusMessage = '', headers } = incoming
    this.#handler.onResponseStart(this, statusCode, headers, statusMessage)
    incoming.on('data', (chunk: Buffer) => this.#handler.onResponseData(this, chunk))
    incoming.once('end', () => {
      if (!this.#end()) return
      this.#handler.onResponseEnd(this, {})
    })
  }

  #fail(error: Error): void {
    if (this.#end()) this.#handler.onResponseError(this, error)
  }

  /** Lets go of everything; false if that was done before. */
  #end(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#body.unpipe(this.#outgoing)
    this.#outgoing.destroy()
    return true
  }
}

/** With the headers that Node would have added to headers by name: whose message it is, and how its end is found. */
function framed(headers: readonly string[], port: number): string[] {
  const has = (name: string): boolean =>
    headers.some((one, index) => index % 2 === 0 && one.toLowerCase() === name)
  return [
    ...(has('host') ? [] : ['host', `127.0.0.1:${port}`]),
    ...headers,
    ...(has('content-length') ? [] : ['transfer-encoding', 'chunked']),
  ]
}
