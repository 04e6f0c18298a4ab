import { appendFileSync, openSync, readSync, statSync } from 'node:fs'
import type { LengthAt } from '../core/log-times.ts'
import { readIfThere, replaceFile } from './disk.ts'

/** The notes of how a log grew are cut to the newest ones when they are longer than this, bytes. */
const TIMES_LIMIT = 256 * 1024
const TIMES_KEPT = 4_000

const ONE_BYTE = Buffer.alloc(1)

/** Where a run's log is. */
export function logPath(path: string): string {
  return `${path}/log`
}

/** Opens a run's log for its process: a description of its own, so that nobody else's flags are its own. */
export function openLog(path: string): number {
  return openSync(`${path}/log`, 'a', 0o600)
}

/** Notes how long a run's log was at a time (ms since 1970), so that its lines can be dated later. */
export function noteTime(path: string, length: number, time: number): void {
  const file = `${path}/times`
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > TIMES_LIMIT) {
    const newest = readTimes(path).slice(-TIMES_KEPT)
    replaceFile(file, newest.map((note) => `${note.length} ${note.time}\n`).join(''))
  }
  appendFileSync(file, `${length} ${Math.round(time)}\n`, { mode: 0o600 })
}

/** The notes, oldest first; lines that are none are passed over. */
export function readTimes(path: string): LengthAt[] {
  return (readIfThere(`${path}/times`) ?? '').split('\n').flatMap((line) => {
    const [, length, time] = /^(\d{1,16}) (\d{1,16})$/.exec(line) ?? []
    return length === undefined ? [] : [{ length: Number(length), time: Number(time) }]
  })
}

/**
 * Whether an open log has anything behind a place, bytes. A read of one byte that is not there takes a fifth of a stat,
 * which was half of what 200 processes cost that say nothing. Errors: those of pread(2).
 */
export function goesOnBehind(log: number, place: number): boolean {
  return readSync(log, ONE_BYTE, 0, 1, place) > 0
}

/** The length of a log, bytes, and when it was last written to, ms since 1970. */
export function logLength(path: string): { readonly length: number; readonly writtenAt: number } {
  const stat = statSync(path, { throwIfNoEntry: false })
  return { length: stat?.size ?? 0, writtenAt: stat?.mtimeMs ?? 0 }
}
