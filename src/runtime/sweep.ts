import { setTimeout as sleep } from 'node:timers/promises'
import { carriers } from './process-table.ts'
import type { Carrier } from './process-table.ts'
import { signalCarrier } from './signal.ts'

const LOOK_AGAIN_MS = 50
/** How long SIGKILL may take to be seen, ms. */
const KILL_WITHIN_MS = 2_000

/**
 * Ends what a one-off process left behind: SIGTERM, after the grace period (ms) SIGKILL. Returns what is
 * there all the same.
 */
export async function sweep(token: string, graceMs: number): Promise<Carrier[]> {
  const tokens = new Set([token])
  const look = (): Carrier[] => {
    const found = carriers(tokens)
    return found.length === 0 ? carriers(tokens) : found
  }
  let found = look()
  if (found.length === 0) return []
  const killAt = performance.now() + graceMs
  for (const carrier of found) {
    signalCarrier(carrier, 'SIGTERM')
    signalCarrier(carrier, 'SIGCONT')
  }
  while (found.length > 0 && performance.now() < killAt + KILL_WITHIN_MS) {
    if (performance.now() >= killAt) for (const carrier of found) signalCarrier(carrier, 'SIGKILL')
    await sleep(LOOK_AGAIN_MS)
    found = look()
  }
  return found
}
