import { once } from 'node:events'
import { createServer } from 'node:net'
import { TwRunError } from '../core/error.ts'
import type { Address } from '../core/option-values.ts'
import { systemCode } from './system-error.ts'

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not listen on that port',
  EADDRINUSE: 'somebody else listens there',
  EADDRNOTAVAIL: 'it is no address of this machine',
  EAFNOSUPPORT: 'this machine has no addresses of that kind',
  EAI_AGAIN: 'nobody could be asked for the address of that name',
  ENOTFOUND: 'there is no such host',
}

/** Why a router cannot listen at an address, as a sentence; undefined where the error is of another kind. */
export function whyDeaf(error: unknown, where: string): string | undefined {
  const reason = REASONS[systemCode(error) ?? '']
  return reason && `the router cannot listen on ${where}: ${reason}`
}

/** Errors: TwRunError 1 where this machine is not whom the address of a router names. */
export async function requireOwnAddress({ host, port }: Address): Promise<void> {
  // Any port will do: whether that of the router is free, and who has it, is asked for with those of all.
  const server = createServer().listen({ host, port: 0 })
  try {
    await once(server, 'listening')
  } catch (error) {
    const message = whyDeaf(error, host)
    if (message === undefined) throw error
    const hint = `name an address of this machine: --router ${port}, or --router 0.0.0.0:${port} for all of them`
    throw new TwRunError(message, { exitCode: 1, hint })
  } finally {
    server.close()
  }
}
