import { STATUS_CODES } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import type { Dispatcher } from 'undici'
import { requestHeaders, responseHeaders } from '../core/forwarding.ts'
import type { Headers } from '../core/forwarding.ts'
import { AheadRequest } from './router-ahead.ts'
import type { Backend } from './router-backends.ts'
import { WAIT_MS } from './router-switchboard.ts'
import type { Switchboard } from './router-switchboard.ts'

/** A client that sends nothing of its body for this long, ms, is not waited for any more. */
const BODY_WITHIN_MS = 120_000

const NOTHING = Buffer.alloc(0)
/** A path that an app can be asked for; undici says of any other one what is wrong. */
const ASKABLE = /^\/[\u0021-\u00ff]*$/

export interface Incoming {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The client waits for "100 Continue" before it sends its body. */
  readonly saysContinue: boolean
}

/** One request on its way to a process and its answer on the way back. */
export class RoutedRequest implements Dispatcher.DispatchHandler {
  readonly #at: Switchboard
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #tried = new Set<Backend>()
  readonly #body: PassThrough | undefined
  readonly #saysContinue: boolean
  #backend: Backend | undefined
  #controller: Dispatcher.DispatchController | undefined
  readonly #askedAt = Date.now()
  #waitsUntil = 0
  #isSent = false
  #hasWritten = false
  #isClientGone = false

  constructor(at: Switchboard, { request, response, saysContinue }: Incoming) {
    this.#at = at
    this.#request = request
    this.#response = response
    this.#saysContinue = saysContinue
    this.#body = hasBody(request) ? new PassThrough() : undefined
    // Written to after its client has gone: nobody is left to be told.
    response.on('error', () => {})
    response.once('close', () => this.#closed())
    if (this.#body !== undefined) this.#receive(this.#body)
  }

  /** Sends it on its way, when all has been read that came along with its headers. */
  begin(): void {
    if (this.#body === undefined) this.send()
    else process.nextTick(() => this.send())
  }

  /** Sends it to a process, or answers itself where there is none. */
  send(): void {
    if (this.#isClientGone) return
    const backend = this.#at.choose(this.#request, this.#tried)
    if (backend === undefined) {
      this.#waitsUntil ||= performance.now() + WAIT_MS
      if (!this.#at.wait(this.#waitsUntil, () => this.#sendAgain())) this.#refuse()
      return
    }
    this.#backend = backend
    const { method = 'GET', rawHeaders } = this.#request
    const headers = requestHeaders(rawHeaders, this.#at.asked(this.#request))
    const message = { method, path: pathOf(this.#request), headers }
    const body = this.#body
    if (body !== undefined && this.#isAhead(body) && ASKABLE.test(message.path))
      new AheadRequest(backend.port, { ...message, body }, this)
    else backend.pool.dispatch({ ...message, body: body ?? null }, this)
  }

  /** Its head came without anything of its body. */
  #isAhead(body: PassThrough): boolean {
    return !this.#request.complete && this.#request.readableLength + body.readableLength === 0
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#isSent = true
    this.#controller = controller
    if (this.#isClientGone) controller.abort(new Error('the client is gone'))
    else if (this.#saysContinue) this.#response.writeContinue()
  }

  onResponseStart(
    { rawHeaders }: Dispatcher.DispatchController,
    status: number,
    { 'set-cookie': given, location }: NodeJS.Dict<string | string[]>,
    message?: string,
  ): void {
    if (status < 200) return
    const headers = responseHeaders(textsOf(rawHeaders), { version: this.#request.httpVersion, status })
    const cookies = typeof given === 'string' ? [given] : (given ?? [])
    if (this.#backend !== undefined) {
      for (const cookie of cookies) this.#at.gave(cookie, this.#backend)
      const answer = {
        askedAt: this.#askedAt,
        status,
        cookies,
        location: typeof location === 'string' ? location : undefined,
      }
      this.#at.answered(this.#request, this.#backend, answer)
    }
    this.#response.writeHead(status, message ?? '', headers)
    // undici waits for all of the body that a length speaks of, and breaks off: these have none whatever they say.
    if (status === 204 || status === 304) return this.#end()
    process.nextTick(() => this.#flush())
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#hasWritten = true
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once('drain', () => controller.resume())
  }

  onResponseEnd({ rawTrailers }: Dispatcher.DispatchController): void {
    const trailers = textsOf(rawTrailers)
    if (trailers.length > 0 && this.#request.httpVersion !== '1.0')
      this.#response.addTrailers(pairsOf(trailers))
    this.#end()
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const backend = this.#leave()
    if (this.#isClientGone || backend === undefined) return
    if (isNoRequest(error)) return this.#answer(400, `this is no request for an app (${error.message})`)
    if (!this.#isSent) {
      this.#tried.add(backend)
      return this.send()
    }
    const what = `${this.#request.method} ${pathOf(this.#request).split('?')[0]}`
    this.#at.complain(`${what}: ${backend.id} did not answer (${error.message})`)
    if (this.#response.headersSent) this.#response.destroy()
    else this.#answer(502, `${backend.id} ended, or broke the connection, before it answered`)
  }

  /** Headers whose body did not come along with them. `flushHeaders` would encode them as UTF-8. */
  #flush(): void {
    if (this.#hasWritten || this.#request.method === 'HEAD') return
    this.#response.write(NOTHING)
  }

  #sendAgain(): void {
    if (this.#isClientGone) return
    // Whoever refused may be another run by now.
    this.#tried.clear()
    this.send()
  }

  #refuse(): void {
    this.#response.setHeader('retry-after', '1')
    this.#answer(503, this.#at.nobody())
  }

  #answer(status: number, text: string): void {
    this.#response.writeHead(status, STATUS_CODES[status], { 'content-type': 'text/plain; charset=utf-8' })
    this.#response.end(`${status} tw-run: ${text}\n`)
  }

  #end(): void {
    this.#hasWritten = true
    this.#response.end()
    this.#leave()
  }

  /** From now on nothing is under way to its process; that process. */
  #leave(): Backend | undefined {
    const backend = this.#backend
    this.#backend = undefined
    if (backend === undefined) return undefined
    this.#at.over(backend)
    // What the app did not want to read of the request goes nowhere, so that its client comes to the answer.
    if (this.#body !== undefined && this.#isSent) {
      this.#request.unpipe(this.#body)
      this.#request.resume()
    }
    return backend
  }

  /**
   * A stream of its own: the app's connection may destroy it, and it can be offered to another process as long as
   * nothing of it was read.
   */
  #receive(body: PassThrough): void {
    const { socket } = this.#request
    socket.setTimeout(BODY_WITHIN_MS)
    this.#request.once('end', () => socket.setTimeout(0))
    // That the client went away is seen by the end of the response.
    body.on('error', () => {})
    this.#request.on('error', () => {})
    this.#request.pipe(body)
  }

  #closed(): void {
    if (this.#response.writableFinished) return
    this.#isClientGone = true
    this.#controller?.abort(new Error('the client is gone'))
    this.#body?.destroy()
  }
}

/** What no server could be sent, such as `OPTIONS *`. */
function isNoRequest(error: Error): boolean {
  return ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  )
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** `GET http://app/path` is what clients say to a proxy, and means the path. */
function pathOf({ url = '/' }: IncomingMessage): string {
  const [whole, path = '/'] = /^https?:\/\/[^/?#]*([^#]*)/i.exec(url) ?? [undefined, url]
  return whole === undefined || path.startsWith('/') ? path : `/${path}`
}

/** Bytes as Node writes them again: undici has decoded its own copy as UTF-8. */
function textsOf(raw: Dispatcher.DispatchController['rawHeaders']): Headers {
  if (!Array.isArray(raw)) return []
  return raw.map((one) => (typeof one === 'string' ? one : one.toString('latin1')))
}

function pairsOf(flat: Headers): [string, string][] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : []))
}
