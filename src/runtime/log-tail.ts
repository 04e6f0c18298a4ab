import { closeSync, fstatSync, readSync } from 'node:fs'
import {
  beforeCharacter,
  cutLines,
  LONGEST_LINE,
  MOST_CONTINUATIONS,
  pieceEnds,
  shownLength,
} from '../core/lines.ts'
import { timeOf } from '../core/log-times.ts'
import { GIVEN_BACK_IN, KEPT } from './give-back.ts'
import { openForReading } from './lifeline.ts'
import { readTimes } from './run-log.ts'
import { failedWith } from './system-error.ts'

/** The most that is read of one log for its last lines, bytes. It ends before what was given back to the disk. */
const TAIL = 8 * 1024 * 1024
/** How far back the beginning of a line is looked for, bytes: what is older than that was given back to the disk. */
const SOUGHT = KEPT + GIVEN_BACK_IN
const NEWLINE = 0x0a

/** A line of a log, or a piece of a long one, with its newline if it has one, and when it was written (ms since 1970). */
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
    const start = firstWithin(log, Math.max(0, size - TAIL))
    const read = readAt(log, start, size - start)
    const wanted = which === 'whole' ? read.subarray(0, shownLength(read)) : read
    const notes = readTimes(directory)
    const timeAt = (place: number): number => timeOf(start + place, notes, mtimeMs)
    return {
      lines: lastLines(wanted, count, timeAt),
      end: start + wanted.length,
      begunAt: wanted.length < read.length ? timeAt(wanted.length) : undefined,
    }
  } finally {
    closeSync(log)
  }
}

/** Where the first line, or piece of a long one, begins of which all is behind a place. */
function firstWithin(log: number, place: number): number {
  if (place === 0) return 0
  const newline = readAt(log, place, LONGEST_LINE).indexOf(NEWLINE)
  if (newline >= 0) return place + newline + 1
  let at = beginningOfLine(log, place)
  while (at < place) {
    const { length } = cutLines(readAt(log, at, LONGEST_LINE + 1), false)
    // Somebody has just cut the log short.
    if (length === 0) break
    at += length
  }
  return at
}

/** Where the line begins that goes on at a place, or if that is too long ago to be known, some character of it. */
function beginningOfLine(log: number, place: number): number {
  const oldest = Math.max(0, place - SOUGHT)
  for (let end = place; end > oldest; end -= LONGEST_LINE) {
    const begin = Math.max(oldest, end - LONGEST_LINE)
    const newline = readAt(log, begin, end - begin).lastIndexOf(NEWLINE)
    if (newline >= 0) return begin + newline + 1
  }
  if (oldest === 0) return 0
  const around = oldest - MOST_CONTINUATIONS
  return around + beforeCharacter(readAt(log, around, MOST_CONTINUATIONS + 1), MOST_CONTINUATIONS)
}

function lastLines(bytes: Buffer, count: number, timeAt: (place: number) => number): DatedLine[] {
  const lines: DatedLine[] = []
  let end = bytes.length
  while (end > 0 && lines.length < count) {
    // Not lastIndexOf(NEWLINE, end - 2): of the first byte that is -1, which counts from the end.
    const begin = bytes.subarray(0, end - 1).lastIndexOf(NEWLINE) + 1
    const ends = pieceEnds(bytes.subarray(begin, end)).map((one) => begin + one)
    const pieces = ends.map((to, index) => {
      const from = ends[index - 1] ?? begin
      return { bytes: bytes.subarray(from, to), time: timeAt(from) }
    })
    lines.push(...pieces.reverse())
    end = begin
  }
  return lines.slice(0, count).reverse()
}

/** So many bytes, or what there is of them. */
export function readAt(log: number, place: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  return bytes.subarray(0, readSync(log, bytes, 0, length, place))
}

/** Undefined if there is none: old runs are dropped while one looks. */
export function openIfThere(path: string): number | undefined {
  try {
    return openForReading(path)
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined
    throw error
  }
}
