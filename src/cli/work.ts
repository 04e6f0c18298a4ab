import { randomBytes, randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environmentFor, valuesOf } from '../core/environment.ts'
import { processId } from '../core/names.ts'
import type { App } from '../runtime/load.ts'
import { runOneOff } from '../runtime/one-off.ts'
import type { SignalRelay } from '../runtime/one-off.ts'
import { sweep } from '../runtime/sweep.ts'
import { isTerminal } from '../runtime/terminal.ts'
import type { Fixture } from './fixture.ts'
import { formationUrls } from './formation-urls.ts'
import type { Limit } from './limit.ts'

const STDOUT = 1

export interface Work {
  readonly relay: SignalRelay
  readonly limit: Limit
  /** Where its output goes, if not where ours goes. */
  readonly output?: WriteStream
}

/** Runs a command to its end, or until the formation or the time is over; its exit code. Nothing of it is left. */
export async function work(
  words: readonly string[],
  fixture: Fixture,
  { relay, limit, output }: Work,
): Promise<number> {
  const { app } = fixture
  const token = randomBytes(8).toString('hex')
  const scratch = join(tmpdir(), `tw-run-${token}`)
  mkdirSync(scratch, { mode: 0o700 })
  const stopWork = (): void => relay.stop()
  void limit.over.then(stopWork)
  const stopWatching = fixture.onEnding(stopWork)
  try {
    const [file = '', ...args] = words
    const env = environmentOf(app, token, scratch)
    const to = output === undefined ? {} : { output }
    const code = await runOneOff({ file, args }, { cwd: process.cwd(), env, relay, ...to })
    await sweep(token, { graceMs: app.settings.graceMs, hurry: relay.hurry })
    return code
  } finally {
    stopWatching()
    await rm(scratch, { recursive: true, force: true })
  }
}

function environmentOf(app: App, token: string, scratch: string): Record<string, string> {
  const { port, urls } = formationUrls(app)
  const injection = {
    id: processId('with', randomInt(1000, 10_000)),
    token,
    scratch,
    port,
    root: process.cwd(),
    color: isTerminal(STDOUT),
  }
  return { ...valuesOf(environmentFor(app.layers, app.settings.envPrecedence, injection)), ...urls }
}
