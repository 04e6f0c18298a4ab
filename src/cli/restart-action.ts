import { targetsOf } from '../core/edit.ts'
import { TwRunError } from '../core/error.ts'
import type { Flags } from '../core/settings.ts'
import { findState, view } from '../runtime/observer.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { say } from '../runtime/terminal.ts'
import { command as send, nothingRuns } from './control.ts'
import type { RestartOptions } from './restart.ts'
import { notThere, waitFor } from './waiting.ts'

/** Replaces processes, all at once or one after the other. Errors: TwRunError. */
export async function restart(
  targets: readonly string[],
  flags: Flags,
  options: RestartOptions,
): Promise<void> {
  const state = findState(flags)
  if (options.rolling === true) await roll(state, targets)
  else await replaceAll(state, targets, options.wait === true)
}

async function replaceAll(state: StateDir, targets: readonly string[], isAwaited: boolean): Promise<void> {
  const lines = await send(state, { do: 'restart', targets })
  say(1, `${lines.join('\n')}\n`)
  if (!isAwaited) return
  const found = await waitFor(state, 'up')
  if (found.missing.length > 0) throw notThere(found, 'up')
}

/** Stops at the first that does not get ready, and leaves the rest as it was. */
async function roll(state: StateDir, words: readonly string[]): Promise<void> {
  const { session } = view(state)
  if (session === undefined || session.over) throw nothingRuns()
  const found = targetsOf(words, session, Object.keys(session.counts))
  if ('problems' in found) {
    const [first] = found.problems
    throw new TwRunError(found.problems.map(({ message }) => message).join('\n'), {
      exitCode: 2,
      hint: first?.hint,
    })
  }
  for (const [index, id] of found.ids.entries()) {
    const lines = await send(state, { do: 'restart', targets: [id] })
    say(1, `${lines.join('\n')}\n`)
    const { missing } = await waitFor(state, 'ready', { only: [id] })
    if (missing.length === 0) continue
    const rest = found.ids.slice(index + 1)
    throw new TwRunError(
      `${id} did not get ready; not restarted: ${rest.length === 0 ? 'nothing' : rest.join(', ')}`,
      {
        exitCode: 1,
        hint: `see what happened with: tw-run logs ${id}`,
      },
    )
  }
}
