import { wantsColor } from '../core/color.ts'
import { environmentFor, valuesOf } from '../core/environment.ts'
import { processId } from '../core/names.ts'
import type { App } from '../runtime/load.ts'
import { runOneOff } from '../runtime/one-off.ts'
import type { SignalRelay } from '../runtime/one-off.ts'
import { randomNumber } from '../runtime/random.ts'
import { isTerminal } from '../runtime/terminal.ts'
import { workOnRecord } from '../runtime/work-record.ts'
import type { Own, WorkResult } from '../runtime/work-record.ts'
import type { Fixture } from './fixture.ts'
import { formationUrls } from './formation-urls.ts'
import type { Limit } from './limit.ts'

const STDOUT = 1

export interface Work {
  readonly relay: SignalRelay
  readonly limit: Limit
  /** The descriptor to which its output goes, if not where ours goes. */
  readonly output?: number
}

/** Runs the command to its end, or until the formation or the time is over, and ends what it left behind. */
export async function work(
  words: readonly string[],
  fixture: Fixture,
  { relay, limit, output }: Work,
): Promise<WorkResult> {
  const { app, state } = fixture
  void limit.over.then(() => relay.stop())
  const stopWatching = fixture.onEnding(({ reason }) => {
    // A signal was handed on already, by us or by the terminal.
    if (reason.kind === 'signal') relay.expectEnd()
    else relay.stop()
  })
  try {
    const options = { graceMs: app.settings.graceMs, hurry: relay.hurry }
    return await workOnRecord(state, options, async (own) => {
      const [file = '', ...args] = words
      const to = output === undefined ? {} : { output }
      const env = environmentOf(app, own)
      const code = await runOneOff({ file, args }, { cwd: process.cwd(), env, relay, ...to })
      limit.cancel()
      return code
    })
  } finally {
    stopWatching()
  }
}

/** That of the formation, and where it is; tw-run in the command finds the formation too. */
function environmentOf(app: App, { token, scratch }: Own): Record<string, string> {
  const { port, urls } = formationUrls(app)
  const isOnTerminal = isTerminal(STDOUT)
  const injection = {
    id: processId('with', randomNumber()),
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
