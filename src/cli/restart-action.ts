import type { Flags } from '../core/settings.ts'
import { say } from '../runtime/terminal.ts'
import { command as send } from './ask.ts'
import { reachEngine } from './engine.ts'
import type { RestartOptions } from './restart.ts'

/** Replaces processes, all at once or one after the other. Errors: TwRunError. */
export async function restart(
  targets: readonly string[],
  flags: Flags,
  options: RestartOptions,
): Promise<void> {
  const {
    here: { state },
    reached,
  } = await reachEngine(flags)
  if (reached !== undefined) {
    const { restartOn } = await import('./engine-control-action.ts')
    await restartOn(reached, targets, options)
    return
  }
  if (options.rolling === true) {
    const { roll } = await import('./rolling-restart.ts')
    await roll(state, targets)
    return
  }
  const lines = await send(state, { do: 'restart', targets })
  say(1, `${lines.join('\n')}\n`)
  if (options.wait !== true) return
  const { requireUp } = await import('./waiting.ts')
  await requireUp(state)
}
