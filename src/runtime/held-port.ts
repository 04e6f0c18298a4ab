import type { ProcessId } from '../core/names.ts'
import type { Address } from '../core/option-values.ts'
import type { Want } from '../core/process.ts'
import { ROUTER } from '../core/router.ts'
import { bindPort } from './bound-port.ts'
import type { BoundPort } from './bound-port.ts'

/**
 * The port of the router, bound but never read here: whoever comes while the router is being replaced, also after
 * kill -9, is kept by the kernel until the next router takes it on, instead of being refused. The router has the
 * same socket, so that it goes on without this supervisor, too.
 */
export class HeldPort {
  #held: { readonly handle: BoundPort; readonly address: string } | undefined

  /** The descriptor for a run of the router; undefined where it has to bind for itself, and says what is wrong. */
  socketOf(id: ProcessId, where: Address | undefined): number | undefined {
    if (id !== ROUTER || where === undefined) return undefined
    const { host, port } = where
    const address = `${host} ${port}`
    if (this.#held?.address !== address) {
      this.#release()
      // Undefined if a router has it whose supervisor was killed.
      const handle = bindPort(host, port)
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
