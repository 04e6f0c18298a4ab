import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import type { Rollout } from '../core/engine.ts'
import { printable } from '../core/printable.ts'
import type { Engine, Watch } from '../runtime/engine.ts'
import { mention } from '../runtime/terminal.ts'
import { WAIT_AT_MOST_MS } from './waiting.ts'

const LOOK_AGAIN_MS = 500
/** How much of a log is shown of a process that did not get ready. */
const LAST_LINES = 20

/**
 * Waits until these types run as they were asked to. Errors: TwRunError 1 with the engine's own words, after the
 * last lines of what failed, or when the time is over.
 */
export async function waitForRollout(engine: Engine, watch: Watch, types: readonly string[]): Promise<void> {
  const until = performance.now() + WAIT_AT_MOST_MS
  let found: Rollout = { state: 'waiting', why: [], culprits: [] }
  do {
    found = await watch.rollout(types)
    if (found.state === 'ready') return
    if (found.state === 'failed') break
    await sleep(LOOK_AGAIN_MS)
  } while (performance.now() < until)
  await showLastLines(engine, found)
  const isLate = found.state === 'waiting' ? ` within ${WAIT_AT_MOST_MS / 1000} s` : ''
  throw new TwRunError(`not ready${isLate}: ${found.why.map(printable).join('; ')}`, {
    exitCode: 1,
    hint: `see what happened with: tw-run ps, tw-run logs ${types.join(' ')}`,
  })
}

async function showLastLines(
  engine: Engine,
  { culprits }: Exclude<Rollout, { state: 'ready' }>,
): Promise<void> {
  for (const culprit of culprits) {
    const text = await engine.lastLines(culprit, LAST_LINES)
    const lines = text.split('\n').filter((line) => line !== '')
    mention(lines.map((line) => `${culprit.process} | ${line}\n`).join(''))
  }
}
