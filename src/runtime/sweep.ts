import { setTimeout as sleep } from 'node:timers/promises'
import { bootNow } from './clock.ts'
import { carriersNow } from './process-table.ts'
import type { Carrier } from './process-table.ts'
import { signalCarrier } from './signal.ts'

const LOOK_AGAIN_MS = 50
/** How long SIGKILL may take to be seen, ms. */
const KILL_WITHIN_MS = 2_000

export interface SweepOptions {
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number
  /** Aborted: SIGKILL now. */
  readonly hurry: AbortSignal
}

/**
 * Ends what a one-off process left behind: SIGTERM, after the grace period SIGKILL. Returns what is there all
 * the same.
 */
export async function sweep(token: string, { graceMs, hurry }: SweepOptions): Promise<Carrier[]> {
  const tokens = new Set([token])
  let found = carriersNow(tokens)
  const toldAt = bootNow()
  let killAt = toldAt + graceMs
  const told = new Set<number>()
  while (found.length > 0 && bootNow() < killAt + KILL_WITHIN_MS) {
    if (hurry.aborted) killAt = Math.min(killAt, bootNow())
    const isKilling = bootNow() >= killAt
    for (const carrier of found) {
      if (isKilling) signalCarrier(carrier, 'SIGKILL')
      else if (!told.has(carrier.pid)) {
        signalCarrier(carrier, 'SIGTERM')
        signalCarrier(carrier, 'SIGCONT')
      }
      told.add(carrier.pid)
    }
    await sleep(LOOK_AGAIN_MS)
    found = carriersNow(tokens)
  }
  return found
}
