import * as net from 'node:net'
import type { ProcessId } from '../core/names.ts'
import type { Address } from '../core/option-values.ts'
import type { Want } from '../core/process.ts'
import { ROUTER } from '../core/router.ts'

/** What `node:cluster` binds ports with: bound, but listening only once somebody says so. */
interface Handle {
  readonly fd: number
  close(): void
}
type CreateHandle = (host: string, port: number, family: 4 | 6) => Handle | number

/**
 * The port of the router, bound but never read here: whoever comes while the router is being replaced, also after
 * kill -9, is kept by the kernel until the next router takes it on, instead of being refused. The router has the
 * same socket, so that it goes on without this supervisor, too.
 */
export class HeldPort {
  #held: { readonly handle: Handle; readonly address: string } | undefined

  /** The descriptor for a run of the router; undefined where it has to bind for itself, and says what is wrong. */
  socketOf(id: ProcessId, where: Address | undefined): number | undefined {
    if (id !== ROUTER || where === undefined) return undefined
    const { host, port } = where
    const address = `${host} ${port}`
    if (this.#held?.address !== address) {
      this.#release()
      const handle = bind(host, port)
      this.#held = handle && { handle, address }
    }
    return this.#held?.handle.fd
  }

  /** Nobody is to come any more, once there is to be no router. */
  attend(wants: ReadonlyMap<ProcessId, Want>): void {
    if (!wants.has(ROUTER)) this.#release()
  }

  #release(): void {
    this.#held?.handle.close()
    this.#held = undefined
  }
}

function bind(host: string, port: number): Handle | undefined {
  const family = net.isIP(host)
  const create = (net as { _createServerHandle?: CreateHandle })._createServerHandle
  if ((family !== 4 && family !== 6) || create === undefined) return undefined
  // An error is a number: the port is taken (by a router whose supervisor was killed), or not allowed.
  const handle = create(host, port, family)
  return typeof handle === 'number' ? undefined : handle
}
