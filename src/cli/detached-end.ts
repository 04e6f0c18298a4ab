import { readFileSync, statSync } from 'node:fs'
import { TwRunError } from '../core/error.ts'
import type { ProcessId } from '../core/names.ts'
import type { Run } from '../core/process.ts'
import type { Session } from '../core/session.ts'
import { heldBy } from '../runtime/lock-holder.ts'
import { view } from '../runtime/observer.ts'
import type { View } from '../runtime/observer.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { mention, say } from '../runtime/terminal.ts'
import { describeReason, farewell } from './journal-text.ts'
import { lastLines } from './last-lines.ts'
import { supervisorLog } from './supervisor-log.ts'

const STDOUT = 1
/** How much is shown of what a supervisor said of a formation that did not come up. */
const LAST_LINES = 20

/** What was there before a supervisor was started: the rest is its own. */
export interface Before {
  readonly session: Session | undefined
  /** Of all processes. */
  readonly runs: readonly Run[]
  /** Which file the session is in: whoever writes it makes another one. */
  readonly written: string
  /** The length of the log of supervisors, bytes. */
  readonly logged: number
}

export function lookBefore(state: StateDir): Before {
  const logged = statSync(supervisorLog(state), { throwIfNoEntry: false })?.size ?? 0
  const { session, slots } = view(state)
  return { session, runs: slots.runs(), written: writtenAt(state), logged }
}

/** Whether the session was written since, whatever is in it. */
export function isWrittenSince(state: StateDir, { written }: Before): boolean {
  return writtenAt(state) !== written
}

function writtenAt({ session }: StateDir): string {
  const stat = statSync(session, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.ino} ${stat.mtimeNs}`
}

/**
 * Says why the supervisor that was started is there no more, which ended with this code; 0 where everything came to a good
 * end. Errors: TwRunError 1 for every other end.
 */
export function reportEnd(state: StateDir, before: Before, code: number): number {
  const seen = view(state)
  const { session, supervisor, slots } = seen
  if (supervisor !== undefined) throw heldBy(supervisor, state.lock)
  const ending = isNew(session, before.session) ? session?.ending : undefined
  if (ending?.reason.kind === 'all-exited' && code === 0) {
    say(STDOUT, `${farewell({ ending, survivors: [] })}\n`)
    return 0
  }
  const runs = slots.runs().filter((run) => run.session === session?.id)
  if (ending !== undefined) for (const { id } of runs) showLastLines(seen, id)
  mention(wordsSince(state, before.logged))
  if (ending !== undefined)
    throw new TwRunError(`the formation has ended: ${describeReason(ending.reason)}`, { exitCode: 1 })
  if (runs.every(({ life }) => life === 'dead'))
    throw new TwRunError('the formation was not started', { exitCode: 1 })
  throw new TwRunError('the supervisor has ended, and what it started has not', {
    exitCode: 1,
    hint: 'tw-run ps shows it',
  })
}

/** Shows the end of what a process has written in this session. */
export function showLastLines({ state, session, slots, observed }: View, id: ProcessId): void {
  if (slots.run(id)?.session !== session?.id) return
  const lines = lastLines(state, observed, id)
  mention(lines.map((line) => `${id} | ${line}\n`).join(''))
}

/** Whether it is over now and was not before. */
function isNew(session: Session | undefined, before: Session | undefined): boolean {
  return session?.over === true && (session.id !== before?.id || !before.over)
}

/** The last of what the supervisor said; its log is begun anew when it has become too long. */
function wordsSince(state: StateDir, from: number): string {
  const bytes = readFileSync(supervisorLog(state))
  const words = bytes
    .subarray(bytes.length < from ? 0 : from)
    .toString()
    .trimEnd()
  if (words === '') return ''
  return words
    .split('\n')
    .slice(-LAST_LINES)
    .map((line) => `${line}\n`)
    .join('')
}
