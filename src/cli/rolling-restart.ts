import { expandIds, targetsOf } from '../core/edit.ts'
import { TwRunError } from '../core/error.ts'
import type { ProcessId } from '../core/names.ts'
import type { Session } from '../core/session.ts'
import { view } from '../runtime/observer.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { say } from '../runtime/terminal.ts'
import { command as send } from './ask.ts'
import { describeReason } from './journal-text.ts'
import { nothingRuns } from './nothing-runs.ts'
import { waitFor } from './waiting.ts'

const STDOUT = 1

/**
 * Replaces processes one after the other, without those that are not wanted any more when their turn comes; stops at
 * the first that does not get ready, and leaves the rest as it was. Errors: TwRunError.
 */
export async function roll(state: StateDir, words: readonly string[]): Promise<void> {
  const seen = view(state)
  const { session } = seen
  if (session === undefined || session.over) throw nothingRuns(seen)
  const ids = targetsIn(session, words)
  // Nothing was done yet: it is refused as any command is.
  if (session.ending !== undefined) await send(state, { do: 'restart', targets: ids })
  for (const [index, id] of ids.entries()) {
    const isGone = isWanted(id, session) && !isWanted(id, view(state).session)
    const isAsked = !isGone && (await isRestarted(state, id))
    const isThere = isAsked && (await waitFor(state, 'ready', [id])).missing.length === 0
    const now = view(state).session
    if (isThere && isWanted(id, now)) continue
    const left = ids.slice(isAsked ? index + 1 : index)
    const rest = `not restarted: ${left.length === 0 ? 'nothing' : left.join(', ')}`
    requireGoingOn(now, session, rest)
    if (isWanted(id, now)) {
      const hint = `see what happened with: tw-run logs ${id}`
      throw new TwRunError(`${id} did not get ready; ${rest}`, { exitCode: 1, hint })
    }
    say(STDOUT, `${id}: not wanted any more\n`)
  }
}

function targetsIn(session: Session, words: readonly string[]): readonly ProcessId[] {
  const found = targetsOf(words, session, Object.keys(session.counts))
  if ('ids' in found) return found.ids
  const message = found.problems.map((problem) => problem.message).join('\n')
  throw new TwRunError(message, { exitCode: 2, hint: found.problems[0]?.hint })
}

/** False for one that was taken away, or whose formation was stopped, before it was asked for. */
async function isRestarted(state: StateDir, id: ProcessId): Promise<boolean> {
  try {
    const lines = await send(state, { do: 'restart', targets: [id] })
    say(STDOUT, `${lines.join('\n')}\n`)
    return true
  } catch (error) {
    const { session } = view(state)
    if (isWanted(id, session) && session?.ending === undefined) throw error
    return false
  }
}

function isWanted(id: ProcessId, session: Session | undefined): boolean {
  return session !== undefined && expandIds(session).includes(id)
}

/** Errors: TwRunError 1 if it is not the same run of the formation any more, or is ending. */
function requireGoingOn(now: Session | undefined, before: Session, rest: string): void {
  if (now?.id === before.id && now.ending === undefined) return
  const reason = now?.id === before.id ? now.ending?.reason : undefined
  const why = reason === undefined ? '' : ` (${describeReason(reason)})`
  const hint =
    reason?.kind === 'exit'
      ? `see what happened with: tw-run logs ${reason.process}`
      : 'start it with: tw-run start'
  throw new TwRunError(`the formation was stopped${why}; ${rest}`, { exitCode: 1, hint })
}
