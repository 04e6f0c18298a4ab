import { targetsOf } from '../core/edit.ts'
import { TwRunError } from '../core/error.ts'
import { view } from '../runtime/observer.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { say } from '../runtime/terminal.ts'
import { command as send } from './ask.ts'
import { nothingRuns } from './nothing-runs.ts'
import { waitFor } from './waiting.ts'

/**
 * Replaces processes one after the other; stops at the first that does not get ready, and leaves the rest as it was.
 * Errors: TwRunError.
 */
export async function roll(state: StateDir, words: readonly string[]): Promise<void> {
  const seen = view(state)
  const { session } = seen
  if (session === undefined || session.over) throw nothingRuns(seen)
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
    const { missing } = await waitFor(state, 'ready', [id])
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
