import { readFileSync, stat } from 'node:fs'
import { readIfThere } from './disk.ts'
import { failedWith } from './system-error.ts'

/**
 * About how many more processes and threads this user may have, at the least: by `ulimit -u`, as if all that run
 * were this user's, and by the cgroup, such as a container's. Infinity where nobody says. Linux.
 */
export function processRoom(): number {
  try {
    return roomNow()
  } catch (error) {
    // Out of descriptors: where nobody can look there may be none.
    if (failedWith(error, 'EMFILE', 'ENFILE')) return 0
    throw error
  }
}

function roomNow(): number {
  const limit = /^Max processes\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  const running = /\/(\d+)/.exec(readFileSync('/proc/loadavg', 'latin1'))?.[1]
  const room = limit === undefined ? Infinity : Number(limit) - Number(running ?? 0)
  const most = Number(readIfThere('/sys/fs/cgroup/pids.max') ?? 'max')
  const inGroup = Number(readIfThere('/sys/fs/cgroup/pids.current') ?? 0)
  return Math.min(room, Number.isNaN(most) ? Infinity : most - inGroup)
}

/**
 * Has libuv begin its threads now. It does so at the first asynchronous work with a file, and aborts this process if
 * there is no room for them then: before processes are started that may take it all.
 */
export function beginThreads(): void {
  stat('/', () => {})
}
