import { formatFormation } from '../core/formation.ts'
import type { Flags } from '../core/settings.ts'
import { keptSession } from '../runtime/kept-session.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { say } from '../runtime/terminal.ts'
import { command as send } from './ask.ts'
import { reachEngine } from './engine.ts'
import type { ScaleOptions } from './scale.ts'

const STDOUT = 1

/** Changes the formation, or prints it in a form that can be fed back. Errors: TwRunError. */
export async function scale(words: readonly string[], flags: Flags, options: ScaleOptions): Promise<void> {
  const {
    here: { state },
    reached,
  } = await reachEngine(flags)
  if (reached !== undefined) {
    const { scaleOn } = await import('./engine-control-action.ts')
    await scaleOn(reached, words, options)
    return
  }
  const { wait, json } = options
  if (words.length > 0) {
    const lines = await send(state, { do: 'scale', words })
    if (json !== true) say(STDOUT, `${lines.join('\n')}\n`)
    if (wait !== true && json !== true) return
  }
  // What looks at processes is loaded only where it is needed: it takes 4 ms.
  if (wait === true) {
    const { requireUp } = await import('./waiting.ts')
    await requireUp(state)
  }
  const counts = await countsNow(state)
  if (json === true) say(STDOUT, `${JSON.stringify(counts)}\n`)
  else if (words.length === 0) say(STDOUT, `${formatFormation(new Map(Object.entries(counts)))}\n`)
}

/** How many of each type are wanted. Errors: TwRunError 1 if nothing runs. */
async function countsNow(state: StateDir): Promise<Readonly<Record<string, number>>> {
  const session = keptSession(state)
  if (session !== undefined && !session.over) return session.counts
  const { nothingRuns } = await import('./nothing-runs.ts')
  const { view } = await import('../runtime/observer.ts')
  throw nothingRuns(view(state))
}
