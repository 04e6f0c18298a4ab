import { dirname } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { readIfThere } from './disk.ts'
import { keptSession } from './kept-session.ts'
import { isRunning, isStopped } from './process-table.ts'
import { stateDirAt } from './state-dir.ts'
import { unreadHint, unreadSupervisor, unreadText } from './unread.ts'

/** The pid that the holder of a lock wrote into its file, if it lives and is not our own. */
export function holderOf(path: string): number | undefined {
  const text = readIfThere(path) ?? ''
  const pid = /^[1-9]\d{0,9}\n$/.test(text) ? Number(text) : undefined
  return pid !== undefined && pid !== process.pid && isRunning(pid) ? pid : undefined
}

/** Somebody else holds the lock. */
export class LockHeld extends TwRunError {}

/** The error for a state directory whose lock somebody else holds. */
export function heldBy(pid: number | undefined, path: string): LockHeld {
  if (pid === undefined) {
    return new LockHeld(`the lock ${path} is held by a process that did not say who it is`, {
      exitCode: 1,
      hint: `fuser '${path}' shows it`,
    })
  }
  const stopped = isStopped(pid)
  const session = keptSession(stateDirAt(dirname(path)))
  if (!stopped && unreadSupervisor(session, pid) !== undefined) {
    return new LockHeld(`the last run here has ended, and ${unreadText(pid)}`, {
      exitCode: 1,
      hint: unreadHint(pid),
    })
  }
  return new LockHeld(`tw-run is already running here: pid ${pid}${stopped ? ' (stopped)' : ''}`, {
    exitCode: 1,
    hint: stopped
      ? `wake it with: kill -CONT ${pid}`
      : 'see it with `tw-run ps`, change it with `tw-run scale`, end it with `tw-run stop`',
  })
}
