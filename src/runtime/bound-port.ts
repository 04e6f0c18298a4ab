import { _createServerHandle } from 'node:net'

/** What `node:cluster` binds ports with: bound, but listening only once somebody says so. */
export interface BoundPort {
  readonly fd: number
  close(): void
}

interface Handle extends BoundPort {
  /** 0, or the error of the bind, which libuv keeps until somebody asks. */
  getsockname(into: object): number
}

declare module 'node:net' {
  const _createServerHandle: undefined | ((host: string, port: number, family: 4 | 6) => Handle | number)
}

/** Binds a TCP port of a numeric address; undefined where it is taken or not allowed, or Node has no way to. */
export function bindPort(host: string, port: number): BoundPort | undefined {
  const family = familyOf(host)
  if (family === undefined || _createServerHandle === undefined) return undefined
  const handle = _createServerHandle(host, port, family)
  if (typeof handle === 'number') return undefined
  if (handle.getsockname({}) === 0) return handle
  handle.close()
  return undefined
}

/** Node's own isIP() takes 4 ms when it is first asked: for its pattern of all that an IPv6 address may be. */
function familyOf(host: string): 4 | 6 | undefined {
  if (/^[\d.]+$/.test(host)) return 4
  return /^[\da-f:.]+$/i.test(host) && host.includes(':') ? 6 : undefined
}

/**
 * Whether nobody listens on a port, on any address of either family. False says nothing: it may be bound by who does
 * not listen, or be one that this user may not bind, or there is no IPv6. It takes 12 us; the kernel's tables of all
 * sockets, which say who listens, take 6 ms.
 */
export function isSurelyFree(port: number): boolean {
  // Elsewhere one address of a port may be bound beside all of them.
  if (process.platform !== 'linux') return false
  const bound = bindPort('::', port)
  bound?.close()
  return bound !== undefined
}
