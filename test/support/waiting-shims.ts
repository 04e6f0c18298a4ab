import { readlinkSync } from 'node:fs'
import { until } from './live.ts'
import type { LiveApp } from './live.ts'

/** The shims of an app that wait for a run: they hold what tells them of it, which has no name any more. */
export function waitingShims(app: LiveApp): number[] {
  return app.survivors().flatMap(({ pid }) => (waits(pid) ? [pid] : []))
}

/** The one shim that waits, once it does. */
export async function waitingShim(app: LiveApp): Promise<number> {
  return until('a shim to wait', () => {
    const [pid, other] = waitingShims(app)
    return other === undefined ? pid : undefined
  })
}

/** Whether a process is a shim that waits for its run. */
export function waits(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/4`).endsWith('/orders (deleted)')
  } catch {
    return false
  }
}
