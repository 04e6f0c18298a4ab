import { describeExit } from '../core/exit.ts'
import type { Grace, JournalEvent } from '../core/journal.ts'
import type { ProcessId } from '../core/names.ts'
import { printable } from '../core/printable.ts'
import { describeFiles } from '../core/watch.ts'
import type { Address } from '../core/option-values.ts'
import type { Run } from '../core/process.ts'
import { ROUTED_TYPE, ROUTER, urlOf } from '../core/router.ts'
import type { Ending, Reason } from '../core/session.ts'
import { stillRunning } from '../core/survivors.ts'
import type { RunResult } from '../runtime/run-result.ts'

/** More processes than this are counted instead of listed. */
const LISTED = 12

const KILLED: Readonly<Record<Grace, string>> = {
  all: 'did not stop in its grace period: killed',
  some: 'was killed before its grace period was over',
  none: 'was killed at once, without a grace period',
}

/** ms for a person: 0.4 s, 12 s, 3 min. */
export function duration(ms: number): string {
  if (ms < 9_950) return `${(Math.max(0, ms) / 1000).toFixed(1).replace(/\.0$/, '')} s`
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  return `${Math.round(ms / 60_000)} min`
}

/** What runs where. `pidOf` is the command's own pid, if it is known. */
export function describeRuns(runs: readonly Run[], pidOf: (run: Run) => number | undefined): string {
  if (runs.length > LISTED) return describeMany(runs)
  return runs
    .map((run) => {
      const pid = pidOf(run)
      return `${run.id} on ${run.port}${pid === undefined ? '' : ` (pid ${pid})`}`
    })
    .join(', ')
}

/** Where the app is found, if a router is among what has been started. */
export function describeAddress(runs: readonly Run[], router: Address | undefined): string | undefined {
  if (router === undefined || runs.every(({ id }) => id !== ROUTER)) return undefined
  return `${urlOf(router)} is one address for every ${ROUTED_TYPE} process that is ready`
}

function describeMany(runs: readonly Run[]): string {
  const ports = new Map<string, number[]>()
  for (const { id, port } of runs) {
    const type = id.slice(0, id.lastIndexOf('.'))
    ports.set(type, [...(ports.get(type) ?? []), port])
  }
  const parts = [...ports].map(
    ([type, of]) => `${of.length} ${type} on ${Math.min(...of)}-${Math.max(...of)}`,
  )
  return `${runs.length} processes: ${parts.join(', ')}`
}

/**
 * One line for a person, or nothing worth one. `now` is ms since boot; `childOf` finds the command of a shim, whose
 * pid is the one that a person knows.
 */
export function describeEvent(
  event: JournalEvent,
  graceMs: number,
  now: number,
  childOf: (pid: number) => number | undefined,
): string | undefined {
  const pidOf = ({ pid }: Run): number | undefined => (pid === undefined ? undefined : childOf(pid))
  switch (event.type) {
    case 'carried-on':
      return describeSeam(event.alive, event.ended)
    case 'taken-in':
      return event.change
    case 'ended':
      return describeEnd(event, now)
    case 'leftovers':
      return `${event.run.id} ended and left running: ${event.commands.join(', ')}: stopping that`
    case 'health':
      return describeHealth(event)
    case 'in-vain':
      return `${listed(event.waiting)} ${event.waiting.length === 1 ? 'waits' : 'wait'} in vain for ${event.on}: it ${event.why}`
    case 'changed':
      return `${printable(describeFiles(event.files))} changed: restarting ${event.process}`
    case 'killed':
      return `${event.run.id} ${KILLED[event.grace]}`
    case 'recycled':
      return `replacing ${event.ids.join(', ')}: up for about ${duration(event.everyMs)} (--recycle)`
    case 'refused':
      return `${event.run.id}: not allowed to signal pid ${pidOf(event.run) ?? event.run.pid ?? '?'} (it runs as another user)`
    case 'ending':
      return event.alive.length === 0 ? undefined : describeEnding(event.ending, event.alive.length, graceMs)
    case 'waiting':
      return `waiting for ${event.runs.map((run) => describeWaiting(run, now, pidOf(run))).join(', ')}`
    case 'trouble':
      return event.message
    case 'starting':
    case 'started':
    case 'wrote':
      return undefined
  }
}

function describeHealth({ run, change, reason, upFor }: JournalEvent & { type: 'health' }): string {
  const why = reason === undefined ? '' : `: ${reason}`
  if (change === 'late') return `${run.id} is not ready after ${duration(upFor)}${why}`
  return change === 'lost' ? `${run.id} is not ready any more${why}` : `${run.id} is ready again`
}

function describeSeam(alive: readonly Run[], ended: readonly Run[]): string {
  const went = ended.length === 0 ? '' : `, ${ended.length} ended meanwhile`
  const on =
    alive.length === 0
      ? ''
      : ` (${alive
          .map(({ id }) => id)
          .slice(0, LISTED)
          .join(', ')})`
  return `tw-run was killed and carries on from here: ${alive.length} still running${on}${went}; lines around here may be shown twice`
}

function describeEnd(event: JournalEvent & { type: 'ended' }, now: number): string | undefined {
  const { run, exit, asked, endedAt, next } = event
  if (asked || next === 'stopped') return undefined
  const after = exit.kind === 'unstarted' ? '' : ` after ${duration(endedAt - run.startedAt)}`
  const said = `${run.id} ${describeExit(exit)}${after}`
  if (next === 'crashed') return `${said}: giving up, it ended too often in a row`
  if (next === 'exited') return said
  const wait = next.retryAt - now
  return `${said}: starting again${wait <= 0 ? '' : ` in ${duration(wait)}`}`
}

function describeEnding(ending: Ending, alive: number, graceMs: number): string {
  const why = describeReason(ending.reason)
  const processes = alive === 1 ? '1 process' : `${alive} processes`
  if (ending.hurried) return `${why}: killing ${processes}`
  // Who sent another signal need not have a terminal.
  const hurry = why === 'SIGINT' ? ', Ctrl-C again to kill' : ''
  return `${why}: stopping ${processes} (${duration(graceMs)}${hurry})`
}

/** The last line: what is left, and why it ended. */
export function farewell({ ending, survivors }: RunResult): string {
  const why = describeReason(ending.reason)
  if (survivors.length === 0) return `all stopped, nothing left running (${why})`
  return `${stillRunning(survivors)} (${why})`
}

/** Why a run of the formation ended. */
export function describeReason(reason: Reason): string {
  switch (reason.kind) {
    case 'signal':
      return reason.signal
    case 'exit':
      return `${reason.process} ${describeExit(reason.exit)}${describeInVain(reason.inVain ?? [])}`
    case 'all-exited':
      return 'every process has ended'
    case 'reader-gone':
      return 'nobody reads the output any more'
    case 'asked':
      return 'tw-run stop'
    case 'done':
      return 'no longer needed'
    case 'state-gone':
      return 'the state directory was removed'
  }
}

function describeInVain(waiting: readonly ProcessId[]): string {
  return waiting.length === 0 ? '' : `; ${listed(waiting)} waited for it in vain`
}

function listed(ids: readonly ProcessId[]): string {
  const shown = ids.slice(0, LISTED).join(', ')
  return ids.length > LISTED ? `${shown} and ${ids.length - LISTED} more` : shown
}

function describeWaiting(run: Run, now: number, pid: number | undefined): string {
  const killAt = run.life === 'alive' ? run.stop?.killAt : run.leftoversKillAt
  const facts = [
    ...(pid === undefined ? [] : [`pid ${pid}`]),
    ...(killAt === undefined || killAt <= now ? [] : [`killed in ${duration(killAt - now)}`]),
  ]
  return facts.length === 0 ? run.id : `${run.id} (${facts.join(', ')})`
}
