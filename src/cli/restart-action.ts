import type { StateDir } from '../runtime/state-dir.ts'
import { say } from '../runtime/terminal.ts'
import { command as send } from './ask.ts'
import type { RestartOptions } from './restart.ts'

/** Replaces processes, all at once or one after the other. Errors: TwRunError. */
export async function restart(
  targets: readonly string[],
  state: StateDir,
  options: RestartOptions,
): Promise<void> {
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
