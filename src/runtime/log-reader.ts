import { closeSync, fstatSync } from 'node:fs'
import { cutLines, LONGEST_LINE } from '../core/lines.ts'
import { openIfThere, readAt } from './log-tail.ts'
import type { DatedLine } from './log-tail.ts'
import { goesOnBehind } from './run-log.ts'

/** Reads on in the log in a run's directory. It stays open: to open it takes seven times as long as to see that nothing came. */
export class LogReader {
  readonly #directory: string
  readonly #ceiling: number
  #log: number | undefined

  /** `ceiling`, as of `descriptorCeiling`: of a log whose descriptor is near it none is kept, nor where nobody says. */
  constructor(directory: string, ceiling: number) {
    this.#directory = directory
    this.#ceiling = ceiling
  }

  /**
   * What came after an offset, or the next of it: whole lines, a piece of a long one, or of a run that is over the end
   * of the last one. They were written no later than the time says.
   */
  linesFrom(offset: number, isOver: boolean): DatedLine | undefined {
    const log = this.#log ?? openIfThere(`${this.#directory}/log`)
    if (log === undefined) return undefined
    this.#log = log
    try {
      if (!goesOnBehind(log, offset)) return undefined
      const { size, mtimeMs: time } = fstatSync(log)
      const read = readAt(log, offset, Math.min(size - offset, LONGEST_LINE + 1))
      const { length } = cutLines(read, isOver)
      return length === 0 ? undefined : { bytes: read.subarray(0, length), time }
    } finally {
      if (this.#ceiling === Infinity || log * 2 > this.#ceiling) this.close()
    }
  }

  close(): void {
    if (this.#log !== undefined) closeSync(this.#log)
    this.#log = undefined
  }
}
