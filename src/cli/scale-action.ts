import type { Flags } from '../core/settings.ts'
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
  // Only now, since it takes 4 ms and the change does not wait for it.
  const { showFormation } = await import('./formation-view.ts')
  await showFormation(state, { isAwaited: wait === true, isJson: json === true, isAsked: words.length === 0 })
}
