import { parseProcessId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import { isAlive } from '../core/process.ts'
import type { Observed, RestartPolicy } from '../core/process.ts'
import { ROUTER } from '../core/router.ts'
import { isUnfinished } from '../core/session.ts'
import type { Session } from '../core/session.ts'
import { resolveSettings } from '../core/settings.ts'
import type { Flags } from '../core/settings.ts'
import { statusOf } from '../core/status.ts'
import type { ProcessStatus } from '../core/status.ts'
import { bootNow } from './clock.ts'
import { isGone } from './disk.ts'
import { keptSession } from './kept-session.ts'
import { holderOf } from './lock-holder.ts'
import { here } from './place.ts'
import { childOf, mayHold } from './process-table.ts'
import { Slots } from './slots.ts'
import type { StateDir } from './state-dir.ts'
import { stateHere } from './state-here.ts'
import { hostName } from './usual-places.ts'

/** What anybody can see of a formation, with or without a supervisor: from the directory and the kernel. */
export interface View {
  readonly state: StateDir
  /** Undefined if nothing was ever started here. */
  readonly session: Session | undefined
  /** The living supervisor's pid. */
  readonly supervisor: number | undefined
  readonly slots: Slots
  readonly observed: Observed
}

/** Where the state of the app that the options name is. Errors: TwRunError where it is not this user's, or cannot be read. */
export function findState(flags: Flags): StateDir {
  return stateHere(flags).state
}

/** Looks once; reads only. */
export function view(state: StateDir): View {
  const session = keptSession(state)
  const slots = new Slots(state, here(), false)
  // A session that is damaged or gone is no reason not to see what runs.
  if (!isGone(state.processes)) slots.load()
  const observed = slots.observed((id) => slots.run(id)?.policy ?? policyOf(session))
  return { state, session, supervisor: supervisorOf(state), slots, observed }
}

/** The rows of `ps`. */
export function rowsOf({ session, slots, observed, supervisor }: View): ProcessStatus[] {
  // What ended in an earlier session is no news of this one.
  const { beganAt = 0 } = session ?? {}
  const shown = new Map([...observed].filter(([id, state]) => isAlive(state) || isWanted(id, session)))
  return statusOf(shown, Object.keys(session?.counts ?? {}), {
    now: bootNow(),
    node: hostName(),
    isSupervised: supervisor !== undefined,
    isoOf: (wall) => new Date(wall).toISOString(),
    endsOf: (id: ProcessId) => slots.endsOf(id).filter(({ startedAt }) => startedAt >= beganAt),
    pidOf: (run) => (run.pid === undefined ? undefined : childOf(run.pid)),
  })
}

function isWanted(id: ProcessId, session: Session | undefined): boolean {
  if (session === undefined || !isUnfinished(session, here())) return false
  if (id === ROUTER) return session.hasRouter
  const { type = '', instance = 0 } = parseProcessId(id) ?? {}
  return Object.hasOwn(session.counts, type) && instance <= (session.counts[type] ?? 0)
}

/** The pid in the lock file, if it lives. Only a supervisor writes it, and only while it holds the lock. */
export function supervisorOf({ lock }: StateDir): number | undefined {
  // A command that holds the lock itself, for want of a supervisor, asks nobody.
  const pid = holderOf(lock)
  return pid !== undefined && mayHold(pid, lock) ? pid : undefined
}

function policyOf(session: Session | undefined): RestartPolicy {
  if (session === undefined) return { when: 'no' }
  return resolveSettings({ flags: session.flags, shell: process.env, files: [] }).settings.restart
}
