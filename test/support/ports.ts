import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Ports that no other test has meanwhile, in whatever process and checkout on this machine: each process that runs a
 * test file takes a range for itself as long as it lives. So a file may use any port of its range, without a look at
 * others.
 */

/**
 * Below what `--port auto` of somebody else on this machine chooses from, and what Linux gives to connections; above
 * the last port that fetch refuses, 10080.
 */
const FIRST = 10_100
/** In a range: those of the tests, those that tw-run chooses from, and the last one, which is held to have the others. */
const PER_RANGE = 1_230
const CHOSEN_FROM = 1_000
const HELD = PER_RANGE - 1
/** As many processes may run tests at once; one more waits for its turn. */
const RANGES = 8
const TURN_WITHIN_MS = 300_000

const first = await takeRange()

/** A port of this test file; `offset` is from 0 to 999. */
export function portAt(offset: number): number {
  if (!(offset >= 0 && offset < CHOSEN_FROM)) throw new Error(`there is no port ${offset} of ${CHOSEN_FROM}`)
  return first + offset
}

/** The value of TW_RUN_AUTO_PORTS: what `--port auto`, `with` and `prove` choose from. */
export function portsToChooseFrom(): string {
  return `${first + CHOSEN_FROM}-${first + HELD - 1}`
}

async function takeRange(): Promise<number> {
  for (const end = performance.now() + TURN_WITHIN_MS; ; await pause(100)) {
    for (let range = 0; range < RANGES; range += 1) {
      const port = FIRST + PER_RANGE * range
      if (await hold(port + HELD)) return port
    }
    if (performance.now() > end)
      throw new Error(`other tests hold all ${RANGES} ranges of ports from ${FIRST}`)
  }
}

/** Listens there until this process ends; false if somebody else does. */
async function hold(port: number): Promise<boolean> {
  const server = createServer((socket) => socket.destroy()).unref()
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
}
