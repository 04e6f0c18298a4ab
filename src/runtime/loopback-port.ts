import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** Programs that listen on "localhost" may have got either of these, and then not the other. */
const ADDRESSES = ['127.0.0.1', '::1'] as const
/** The longest time for a connection to come about, ms: longer only where nobody accepts and the queue is full. */
const WITHIN_MS = 5_000

export type Connected = (
  ...got: [error: Error, socket: undefined] | [error: undefined, socket: Socket]
) => void

/** A port of this machine that a process listens on, whichever loopback address that is. */
export class LoopbackPort {
  readonly port: number
  #address: (typeof ADDRESSES)[number] = ADDRESSES[0]

  constructor(port: number) {
    this.port = port
  }

  /** Calls back with a connection, or with the error of the address that answered last. */
  connect(done: Connected): void {
    const first = this.#address
    this.#try(first, (error, socket) => {
      if (error === undefined) return done(undefined, socket)
      if (!isRefused(error)) return done(error, undefined)
      const other = first === ADDRESSES[0] ? ADDRESSES[1] : ADDRESSES[0]
      this.#try(other, (otherError, otherSocket) => {
        if (otherError !== undefined) return done(error, undefined)
        this.#address = other
        done(undefined, otherSocket)
      })
    })
  }

  #try(host: string, done: Connected): void {
    const socket = connect({ host, port: this.port, noDelay: true })
    const failed = (error: Error): void => {
      clearTimeout(timer)
      done(error, undefined)
    }
    const timer = setTimeout(() => {
      socket.destroy(new Error(`nobody accepts a connection on port ${this.port}`))
    }, WITHIN_MS)
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', failed)
      done(undefined, socket)
    })
  }
}

/** Nobody listens there: other than a connection that breaks, this means that nothing was sent. */
function isRefused(error: Error): boolean {
  return ['ECONNREFUSED', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  )
}
