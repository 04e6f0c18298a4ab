import { closeSync, fstatSync, openSync, readSync, watch, writeSync } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import type { ProcessId } from '../core/names.ts'
import { cutLines, LONGEST_LINE } from '../core/lines.ts'
import { bootNow } from './clock.ts'
import { readIfThere } from './disk.ts'
import { giveBack, GIVEN_BACK_IN, KEPT } from './give-back.ts'

/** Read at once, bytes: what is read is still in the processor's cache when it is rendered. */
const CHUNK = 64 * 1024
let memory = Buffer.allocUnsafe(CHUNK)

/** Whole lines of one log, valid until the next `take` of any source. */
export interface Taken {
  readonly bytes: Buffer
  readonly isPartial: boolean
}

/**
 * The log of one run, read from where it was last shown to. The place is kept beside the log in one short
 * record that is overwritten in place: a temp file and a rename for each chunk would cost more than the chunk.
 */
export class LogSource {
  readonly process: ProcessId
  /** The number of the first line, from 1. */
  readonly seq: number
  /** When it last had something new, ms of bootNow(). */
  grewAt = bootNow()
  #isEnded = false
  #isClosed = false
  readonly #path: string
  readonly #log: number
  readonly #record: number
  #offset: number
  #givenBack = 0
  #scanned = 0
  #watcher: FSWatcher | undefined
  /** No whole line was there when it was last read, and nobody has said since that it grew. */
  #isReadOut = false

  /** Errors: those of open(2). */
  constructor(process: ProcessId, directory: string) {
    this.process = process
    this.#path = `${directory}/log`
    const shown = /^(\d{16}) (\d{12})\n/.exec(readIfThere(`${directory}/shown`) ?? '')
    this.#offset = Number(shown?.[1] ?? 0)
    this.seq = Number(shown?.[2] ?? 1)
    this.#log = openSync(this.#path, 'r')
    // Not 'a': on Linux a positioned write to a file opened for appending appends all the same.
    this.#record = openSync(`${directory}/shown`, shown === null ? 'w' : 'r+', 0o600)
  }

  /** Up to where it was taken, bytes. */
  get offset(): number {
    return this.#offset
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether bytes are in the log that were not yet taken. */
  get isBehind(): boolean {
    return fstatSync(this.#log).size > this.#offset
  }

  /** Whether bytes are in the log that were not yet looked at. */
  get hasGrown(): boolean {
    return fstatSync(this.#log).size > this.#offset + this.#scanned
  }

  /** The run has ended: what follows the last newline is its last line. */
  end(): void {
    this.#isEnded = true
    this.unwatch()
  }

  /** The next lines, or undefined if there is no whole one yet. */
  take(): Taken | undefined {
    this.#isReadOut = true
    let length = readSync(this.#log, memory, 0, CHUNK, this.#offset)
    // Nothing new behind a line that has not ended.
    if (length === this.#scanned && !this.#isEnded) return undefined
    let cut = cutLines(memory.subarray(0, length), this.#isEnded && length < CHUNK)
    if (cut.length === 0 && length === CHUNK) {
      if (memory.length <= LONGEST_LINE) memory = Buffer.allocUnsafe(LONGEST_LINE + 1)
      length = readSync(this.#log, memory, 0, memory.length, this.#offset)
      if (length === this.#scanned && !this.#isEnded) return undefined
      cut = cutLines(memory.subarray(0, length), this.#isEnded && length < memory.length)
    }
    this.#scanned = cut.length === 0 ? length : 0
    if (cut.length === 0) return undefined
    this.#isReadOut = false
    this.#offset += cut.length
    this.grewAt = bootNow()
    return { bytes: memory.subarray(0, cut.length), isPartial: cut.isPartial }
  }

  /** Remembers that everything up to here has left for the reader. */
  recordShown(offset: number, seq: number): void {
    if (this.#isClosed) return
    try {
      writeSync(this.#record, `${String(offset).padStart(16, '0')} ${String(seq).padStart(12, '0')}\n`, 0)
    } catch {
      // A full disk: after a kill of tw-run more is shown twice, and nothing is lost.
    }
  }

  /** Calls back when the log may have grown, at least once if it has; a hint that may fail to come. */
  watch(grown: () => void): void {
    try {
      this.#watcher ??= watch(this.#path, { persistent: false }, grown)
      this.#watcher.on('error', () => this.unwatch())
    } catch {
      // No watches left on this machine: the look once a second finds what is new.
    }
  }

  unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  /** It is watched, and no line was left in it: it need not be read until it is roused. */
  get isResting(): boolean {
    return this.#watcher !== undefined && this.#isReadOut
  }

  /** It has grown, perhaps. */
  rouse(): void {
    this.#isReadOut = false
  }

  /** Gives the disk back what was shown long ago; says why if it cannot. */
  giveBack(failed: (why: string) => void): void {
    const length = this.#offset - KEPT - this.#givenBack
    if (this.#isClosed || length < GIVEN_BACK_IN) return
    giveBack(this.#path, this.#givenBack, length, failed)
    this.#givenBack += length
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.unwatch()
    closeSync(this.#log)
    closeSync(this.#record)
  }
}
