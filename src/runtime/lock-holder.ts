import { closeSync, openSync, readSync } from 'node:fs'
import { TwRunError } from '../core/error.ts'
import { isRunning, isStopped } from './process-table.ts'

/** The pid of who holds a lock, if it said so and lives. */
export function holderOf(path: string): number | undefined {
  const pid = readHolder(path)
  return pid !== undefined && pid !== process.pid && isRunning(pid) ? pid : undefined
}

/** The pid that the holder wrote into the lock file, if it is one. */
function readHolder(path: string): number | undefined {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(16)
    const text = bytes.toString('latin1', 0, readSync(fd, bytes))
    return /^[1-9]\d{0,9}\n$/.test(text) ? Number(text) : undefined
  } finally {
    closeSync(fd)
  }
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
  return new LockHeld(`tw-run is already running here: pid ${pid}${stopped ? ' (stopped)' : ''}`, {
    exitCode: 1,
    hint: stopped
      ? `wake it with: kill -CONT ${pid}`
      : 'see it with `tw-run ps`, change it with `tw-run scale`, end it with `tw-run stop`',
  })
}
