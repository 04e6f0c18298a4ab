import { statSync } from 'node:fs'
import { textOf } from './proc-files.ts'
import type { Lap } from './process-table.ts'

/** When all pids were given once, the kernel begins again with this one. */
const FIRST_AGAIN = 300
/** More than is started between the two reads that a lap takes. */
const UNCOUNTED = 1_000

/**
 * The pid, of a process or a thread, that was given last; undefined where the kernel itself does not tell it. LXC puts
 * a file in its place that is seconds old, and gVisor says 0 and means nothing.
 */
export function newestPid(file = '/proc/loadavg'): number | undefined {
  if (deviceOf(file) !== deviceOf('/proc')) return undefined
  return Number(/\d+$/.exec(textOf(file).trimEnd())?.[0] ?? 0) || undefined
}

function deviceOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.dev
}

let pidMax: number | undefined

export function lapNow(): Lap | undefined {
  pidMax ??= Number(textOf('/proc/sys/kernel/pid_max'))
  const [, starts] = /^processes (\d+)$/m.exec(textOf('/proc/stat')) ?? []
  const [, tasks, last] = /^\S+ \S+ \S+ \d+\/(\d+) (\d+)$/m.exec(textOf('/proc/loadavg')) ?? []
  if (starts === undefined || tasks === undefined || last === undefined) return undefined
  return lap({ starts: Number(starts), tasks: Number(tasks), last: Number(last), pidMax })
}

/** Exported for its tests. */
export function lap(now: { starts: number; tasks: number; last: number; pidMax: number }): Lap {
  const { starts, last } = now
  const isStill = (pid: number, since: Lap): boolean => {
    const given = starts - since.starts
    // Whoever asks twice may have started something: where that does not count, the count is none.
    if (!(given > 0)) return false
    if (pid < FIRST_AGAIN) return true
    const turns = pid > since.last ? pid - since.last : now.pidMax - since.last + pid - FIRST_AGAIN
    // Numbers in use are passed over; twice as many as now may have been.
    return given + UNCOUNTED + 2 * now.tasks < turns
  }
  return { starts, last, isStill }
}
