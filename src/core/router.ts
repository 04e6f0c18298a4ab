import { processId } from './names.ts'
import type { ProcessId } from './names.ts'
import type { Address } from './option-values.ts'

/** The type that the router runs as, when there is one. No Procfile may have another one then. */
export const ROUTER_TYPE = 'router'
export const ROUTER: ProcessId = processId(ROUTER_TYPE, 1)
/** The type that it stands in front of. */
export const ROUTED_TYPE = 'web'
/** ms in which requests may come to their end before a process is stopped. */
export const DRAIN_MS = 5_000

/** An address as one writes it into a browser. */
export function urlOf({ host, port }: Address): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
