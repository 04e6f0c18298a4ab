import { randomBytes, randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { wantsColor } from '../core/color.ts'
import { environmentFor, valuesOf } from '../core/environment.ts'
import { processId } from '../core/names.ts'
import type { App } from '../runtime/load.ts'
import { runOneOff } from '../runtime/one-off.ts'
import type { SignalRelay } from '../runtime/one-off.ts'
import type { Carrier } from '../runtime/process-table.ts'
import { sweep } from '../runtime/sweep.ts'
import { isTerminal } from '../runtime/terminal.ts'
import { tempFolder } from '../runtime/usual-places.ts'
import { forgetWork, noteWork } from '../runtime/work-record.ts'
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

export interface WorkResult {
  readonly code: number
  /** What it left behind and could not be ended. */
  readonly survivors: readonly Carrier[]
}

/** Runs the command to its end, or until the formation or the time is over, and ends what it left behind. */
export async function work(
  words: readonly string[],
  fixture: Fixture,
  { relay, limit, output }: Work,
): Promise<WorkResult> {
  const { app, state } = fixture
  const { graceMs } = app.settings
  const token = randomBytes(8).toString('hex')
  const scratch = join(tempFolder(), `tw-run-${token}`)
  // Noted before it is made and until it is removed: who comes after a kill -9 knows by the note what there was.
  noteWork(state, token)
  mkdirSync(scratch, { mode: 0o700 })
  void limit.over.then(() => relay.stop())
  const stopWatching = fixture.onEnding(({ reason }) => {
    // A signal was handed on already, by us or by the terminal.
    if (reason.kind === 'signal') relay.expectEnd()
    else relay.stop()
  })
  let result: WorkResult
  try {
    const [file = '', ...args] = words
    const env = environmentOf(app, token, scratch)
    const to = output === undefined ? {} : { output }
    const code = await runOneOff({ file, args }, { cwd: process.cwd(), env, relay, ...to })
    limit.cancel()
    result = { code, survivors: await sweep(token, { graceMs, hurry: relay.hurry }) }
  } finally {
    stopWatching()
    await rm(scratch, { recursive: true, force: true })
  }
  if (result.survivors.length === 0) forgetWork(state)
  return result
}

/** That of the formation, and where it is; tw-run in the command finds the formation too. */
function environmentOf(app: App, token: string, scratch: string): Record<string, string> {
  const { port, urls } = formationUrls(app)
  const isOnTerminal = isTerminal(STDOUT)
  const injection = {
    id: processId('with', randomInt(1000, 10_000)),
    token,
    scratch,
    port,
    root: process.cwd(),
    color: isOnTerminal && wantsColor(app.settings.color, process.env, isOnTerminal),
  }
  const values = valuesOf(environmentFor(app.layers, app.settings.envPrecedence, injection))
  const place = app.stateDir === undefined ? {} : { TW_RUN_STATE_DIR: app.stateDir }
  return { ...values, ...urls, ...place }
}
