import { TwRunError } from '../core/error.ts'
import type { Reason } from '../core/session.ts'
import { enginesOf } from '../runtime/engine-place.ts'
import { rowsOf } from '../runtime/observer.ts'
import type { View } from '../runtime/observer.ts'
import { unreadHint, unreadSentence, unreadSupervisor, unreadText } from '../runtime/unread.ts'
import { describeReason } from './journal-text.ts'
import { runningAbove } from './running-above.ts'
import { supervisorLog } from './supervisor-log.ts'

const START = 'start it with: tw-run start'
const START_HERE = 'start another one here with: tw-run start'
/** Ends that are no news: somebody wanted them, and was told. */
const WANTED: ReadonlySet<Reason['kind']> = new Set<Reason['kind']>(['asked', 'signal', 'done'])

interface Nothing {
  /** One sentence. */
  readonly message: string
  /** Where there is more to be seen, if there is. */
  readonly see: string | undefined
  /** What to type next. */
  readonly next: string
}

/** The error for a command to a formation that is not there; what lives of none that is known is named. */
export function nothingRuns(seen: View): TwRunError {
  const alive = rowsOf(seen).filter(({ process }) => seen.slots.run(process)?.life === 'alive')
  if (alive.length === 0) {
    const { message, see, next: usual } = nothing(seen)
    const unread = unreadSupervisor(seen.session, seen.supervisor)
    const what = unread === undefined ? message : `${message}; ${unreadText(unread)}`
    const next = unread === undefined ? usual : unreadHint(unread)
    const hint = see === undefined ? next : `see ${see}; ${next}`
    return new TwRunError(what, { exitCode: 1, hint })
  }
  const list = alive.map(({ process, pid }) => `${process} (pid ${pid ?? '?'})`).join(', ')
  return new TwRunError(`of no formation on record, but running here: ${list}`, {
    exitCode: 1,
    hint: 'tw-run start carries on with that, and then it can be stopped',
  })
}

/** That nothing runs, in one line, and why the last run ended, if nobody wanted it to. */
export function nothingText(seen: View): string {
  const { message, see } = nothing(seen)
  const unread = unreadSupervisor(seen.session, seen.supervisor)
  const there = unread === undefined ? '' : `; ${unreadSentence(unread)}`
  return `${message}${see === undefined ? '' : ` (see: ${see})`}${there}`
}

function nothing({ session, state }: View): Nothing {
  const message = 'nothing runs here'
  // A first start there may have been cut off.
  const elsewhere = enginesOf(state).map((engine) => `tw-run ps --engine ${engine}`)
  const above = session === undefined ? runningAbove(state) : undefined
  if (above !== undefined) {
    const see = seeAll([`tw-run ps -d ${above}`, ...elsewhere])
    return { message: `${message}, but a formation does in ${above}`, see, next: START_HERE }
  }
  const reason = session?.over === true ? session.ending?.reason : undefined
  if (session === undefined || reason === undefined || WANTED.has(reason.kind))
    return { message, see: seeAll(elsewhere), next: START }
  const places = [
    ...(reason.kind === 'exit' ? [`tw-run logs ${reason.process}`] : []),
    // In the foreground it was said to whoever looked.
    ...(session.isDetached ? [supervisorLog(state)] : []),
  ]
  return {
    message: `${message}; the last run ended: ${describeReason(reason)}`,
    see: seeAll([...places, ...elsewhere]),
    next: START,
  }
}

function seeAll(places: readonly string[]): string | undefined {
  return places.length === 0 ? undefined : places.join(', and ')
}
