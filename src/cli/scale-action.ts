import { formatFormation } from '../core/formation.ts'
import type { Flags } from '../core/settings.ts'
import { findState, view } from '../runtime/observer.ts'
import { say } from '../runtime/terminal.ts'
import { command as send, nothingRuns } from './control.ts'
import type { ScaleOptions } from './scale.ts'
import { notThere, waitFor } from './waiting.ts'

const STDOUT = 1

/** Changes the formation, or prints it in a form that can be fed back. Errors: TwRunError. */
export async function scale(
  words: readonly string[],
  flags: Flags,
  { wait, json }: ScaleOptions,
): Promise<void> {
  const state = findState(flags)
  if (words.length > 0) {
    const lines = await send(state, { do: 'scale', words })
    if (json !== true) say(STDOUT, `${lines.join('\n')}\n`)
  }
  if (wait === true) {
    const found = await waitFor(state, 'up')
    if (found.missing.length > 0) throw notThere(found, 'up')
  }
  const { session } = view(state)
  if (session === undefined || session.over) throw nothingRuns()
  if (json === true) say(STDOUT, `${JSON.stringify(session.counts)}\n`)
  else if (words.length === 0) say(STDOUT, `${formatFormation(new Map(Object.entries(session.counts)))}\n`)
}
