// When all processes of a session are up.
import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs } from './output.js'

const START_TIMEOUT_MS = 30_000

/** Resolves with ms from exec of the tool to the last process' line. Throws when it does not come. */
export async function waitForAll(session, markers, size) {
  const deadline = nowMs() + START_TIMEOUT_MS
  while (markers.times.length < size) {
    if (session.exit !== undefined) {
      const { error, code, signal } = session.exit
      throw new Error(error?.message ?? `ended with ${signal ?? code}: ${session.lastWords()}`)
    }
    if (nowMs() > deadline)
      throw new Error(`${markers.times.length} of ${size} up after ${START_TIMEOUT_MS / 1000} s`)
    await sleep(5)
  }
  return markers.times[size - 1] - session.beganAt
}
