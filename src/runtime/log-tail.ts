import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { timeOf } from '../core/log-times.ts'
import { readTimes } from './run-directory.ts'
import { failedWith } from './system-error.ts'

/** The most that is read of one log for its last lines, bytes. It ends before what was given back to the disk. */
const TAIL = 8 * 1024 * 1024
const NEWLINE = 0x0a

/** A line of a log with its newline, if it has one, and when it was written (ms since 1970). */
export interface DatedLine {
  readonly bytes: Buffer
  readonly time: number
}

export interface Tail {
  readonly lines: readonly DatedLine[]
  /** How far they go, bytes. */
  readonly end: number
  /** When the line was begun that has not ended there, ms since 1970. */
  readonly begunAt?: number | undefined
}

/** The last lines of the log in a run's directory, an unfinished one among them or not. */
export function tail(directory: string, count: number, which: 'all' | 'whole' = 'all'): Tail {
  const log = openIfThere(`${directory}/log`)
  if (log === undefined) return { lines: [], end: 0 }
  try {
    const { size, mtimeMs } = fstatSync(log)
    const start = Math.max(0, size - TAIL)
    const bytes = Buffer.allocUnsafe(size - start)
    const read = bytes.subarray(0, readSync(log, bytes, 0, bytes.length, start))
    const wanted = which === 'whole' ? wholeLines(read) : read
    const notes = readTimes(directory)
    const timeAt = (place: number): number => timeOf(start + place, notes, mtimeMs)
    return {
      lines: lastLines(wanted, { isAllOfIt: start === 0, count, timeAt }),
      end: start + wanted.length,
      begunAt: wanted.length < read.length ? timeAt(wanted.length) : undefined,
    }
  } finally {
    closeSync(log)
  }
}

interface Wanted {
  readonly isAllOfIt: boolean
  readonly count: number
  readonly timeAt: (place: number) => number
}

function lastLines(bytes: Buffer, { isAllOfIt, count, timeAt }: Wanted): DatedLine[] {
  const lines: DatedLine[] = []
  let end = bytes.length
  while (end > 0 && lines.length < count) {
    // Not lastIndexOf(NEWLINE, end - 2): of the first byte that is -1, which counts from the end.
    const begin = bytes.subarray(0, end - 1).lastIndexOf(NEWLINE) + 1
    // The first piece may be the end of a line that began earlier.
    if (begin === 0 && !isAllOfIt) break
    lines.push({ bytes: bytes.subarray(begin, end), time: timeAt(begin) })
    if (begin === 0) break
    end = begin
  }
  return lines.reverse()
}

/**
 * What came into a log after an offset, or the next of it: whole lines, and of a run that is over the last one too.
 * They were written no later than the time says.
 */
export function linesFrom(directory: string, offset: number, isOver: boolean): DatedLine | undefined {
  const path = `${directory}/log`
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= offset) return undefined
  const log = openIfThere(path)
  if (log === undefined) return undefined
  try {
    const { size, mtimeMs: time } = fstatSync(log)
    const bytes = Buffer.allocUnsafe(Math.min(size - offset, TAIL))
    const read = bytes.subarray(0, readSync(log, bytes, 0, bytes.length, offset))
    const whole = wholeLines(read)
    const isCut = read.length < TAIL ? isOver : whole.length === 0
    const wanted = isCut ? read : whole
    return wanted.length === 0 ? undefined : { bytes: wanted, time }
  } finally {
    closeSync(log)
  }
}

function wholeLines(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1)
}

/** Old runs are dropped while one looks. */
function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined
    throw error
  }
}
