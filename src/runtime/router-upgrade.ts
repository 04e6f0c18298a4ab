import { Agent } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createProxyServer } from 'httpxy'
import { forwarded, isForgeable } from '../core/forwarding.ts'
import type { Backend } from './router-backends.ts'
import { WAIT_MS } from './router-switchboard.ts'
import type { Switchboard } from './router-switchboard.ts'

export interface Upgrading {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /** What came behind the headers. */
  readonly head: Buffer
}

/** A WebSocket's way to a process. The library says no to nobody: what is no WebSocket must not come here. */
export class RoutedUpgrade {
  readonly #at: Switchboard
  readonly #request: IncomingMessage
  readonly #socket: Duplex
  readonly #head: Buffer
  readonly #tried = new Set<Backend>()
  /** ms since 1970. */
  readonly #askedAt = Date.now()
  #waitsUntil = 0
  #backend: Backend | undefined

  constructor(at: Switchboard, { request, socket, head }: Upgrading) {
    this.#at = at
    this.#request = request
    this.#socket = socket
    this.#head = head
  }

  send(): void {
    if (this.#socket.destroyed) return
    const backend = this.#at.choose(this.#request, this.#tried)
    if (backend === undefined) {
      this.#waitsUntil ||= performance.now() + WAIT_MS
      if (!this.#at.wait(this.#waitsUntil, () => this.#sendAgain()))
        this.#answer('503 Service Unavailable', this.#at.nobody())
      return
    }
    this.#backend = backend
    // Nothing is sent before there is a connection: until then another process can be asked.
    backend.port.connect((error, connection) => {
      if (error === undefined) return this.#upgrade(backend, connection)
      this.#leave()
      this.#tried.add(backend)
      this.send()
    })
  }

  #sendAgain(): void {
    this.#tried.clear()
    this.send()
  }

  #upgrade(backend: Backend, connection: Socket): void {
    const { id, port } = backend
    const socket = this.#socket
    // Whichever side goes away first, however it does.
    socket.once('close', () => connection.destroy())
    connection.once('close', () => {
      this.#leave()
      if (!socket.writableEnded) socket.destroy()
    })
    if (socket.destroyed) return void connection.destroy()
    this.#request.headers = this.#headers()
    const agent = new Agent({ keepAlive: false })
    agent.createConnection = () => connection
    const proxy = createProxyServer({ agent })
    // From here on it holds up no drain.
    proxy.on('proxyReqWs', (outgoing: ClientRequest) => {
      const note = (answer: IncomingMessage): void => this.#answered(backend, answer)
      outgoing.once('response', note).once('upgrade', (answer) => {
        note(answer)
        this.#leave()
      })
    })
    proxy.on('error', (error) => {
      if (this.#leave() === undefined) return
      this.#at.complain(`WebSocket: ${id} did not answer (${error.message})`)
      this.#answer('502 Bad Gateway', `${id} ended, or broke the connection, before it answered`)
    })
    const target = `http://127.0.0.1:${port.port}`
    void proxy.ws(this.#request, socket as Socket, { target }, this.#head)
  }

  /** It took the WebSocket, or did not. */
  #answered(backend: Backend, { statusCode = 0, headers }: IncomingMessage): void {
    const { location, 'set-cookie': cookies = [] } = headers
    this.#at.answered(this.#request, backend, {
      status: statusCode,
      location,
      cookies,
      askedAt: this.#askedAt,
    })
  }

  #headers(): IncomingMessage['headers'] {
    const kept = Object.entries(this.#request.headers).filter(([name]) => !isForgeable(name))
    return Object.fromEntries([...kept, ...forwarded(this.#at.asked(this.#request))])
  }

  /** From now on nothing is under way to its process; that process, the first time. */
  #leave(): Backend | undefined {
    const backend = this.#backend
    this.#backend = undefined
    if (backend !== undefined) this.#at.over(backend)
    return backend
  }

  #answer(status: string, text: string): void {
    const body = `${status.slice(0, 3)} tw-run: ${text}\n`
    const head = [
      'content-type: text/plain; charset=utf-8',
      'connection: close',
      `content-length: ${Buffer.byteLength(body)}`,
    ]
    this.#socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${body}`)
  }
}
