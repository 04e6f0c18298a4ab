import { closeSync, fstatSync, openSync, readSync, write, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { failedWith } from './system-error.ts'

/** A pipe that somebody else made non-blocking is asked again after so many ms, from the first to the last. */
const FULL_PIPE_MS = { first: 1, last: 32 }
/** A file on a full disk is tried again after this many ms: the logs keep what it misses. */
const FULL_DISK_MS = 1_000
/** How often it is tried again at the end, when there is nothing else left to do. */
const LAST_TRIES = 2

/** The reader of our output has gone: `| head -1` has what it wanted. */
export class ReaderGone extends Error {}

/** The end has come, and the file that we write to still takes nothing. */
export class OutputLost extends Error {}

/**
 * The descriptor that a person or a program reads. Written to in a thread of libuv's pool, so that a slow
 * terminal or pipe never holds up supervision; not by process.stdout, which would queue in memory without
 * bound and change the mode of a pipe that others share.
 */
export class Output {
  readonly #fd: number
  readonly #refused: (error: Error) => void
  readonly #isFile: boolean
  #triesLeft = Infinity
  #isRefusing = false

  /** `refused` is told when a file begins to take nothing: a full disk. */
  constructor(fd: number, refused: (error: Error) => void) {
    this.#fd = fd
    this.#refused = refused
    this.#isFile = fstatSync(fd).isFile()
  }

  /** Writes all of it, however long that takes. Errors: ReaderGone, OutputLost. */
  async write(bytes: Buffer): Promise<void> {
    let pause = FULL_PIPE_MS.first
    for (let done = 0; done < bytes.length;) {
      try {
        done += await writeSome(this.#fd, bytes, done)
        this.#isRefusing = false
        pause = FULL_PIPE_MS.first
      } catch (error) {
        if (failedWith(error, 'EAGAIN')) {
          await sleep(pause)
          pause = Math.min(pause * 2, FULL_PIPE_MS.last)
        } else if (this.#isGone(error)) throw new ReaderGone()
        else await this.#waitForRoom(error as Error)
      }
    }
  }

  /** Nothing is left to do but to write the rest: a full disk gets a last chance instead of any number. */
  finish(): void {
    this.#triesLeft = LAST_TRIES
  }

  #isGone(error: unknown): boolean {
    // EIO of a terminal is its end; of a file it is a disk, which may come back.
    if (failedWith(error, 'EIO')) return !this.#isFile
    return failedWith(error, 'EPIPE', 'ECONNRESET', 'ENOTCONN', 'ENXIO', 'EBADF')
  }

  async #waitForRoom(error: Error): Promise<void> {
    if (!this.#isRefusing) this.#refused(error)
    this.#isRefusing = true
    if (this.#triesLeft <= 0) throw new OutputLost(error.message)
    await sleep(FULL_DISK_MS)
    this.#triesLeft -= 1
  }
}

function writeSome(fd: number, bytes: Buffer, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, offset, bytes.length - offset, null, (error, written) => {
      if (error === null) resolve(written)
      else reject(error)
    })
  })
}

/** Ends the line that an earlier tw-run was writing into the same file when it was killed. */
export function endTornLine(fd: number): void {
  try {
    if (endsWithinLine(fd)) writeSync(fd, '\n')
  } catch {
    // A file that may be written and not read, or a full disk: then the line stays as it is.
  }
}

function endsWithinLine(fd: number): boolean {
  const stat = fstatSync(fd)
  if (process.platform !== 'linux' || !stat.isFile() || stat.size === 0) return false
  const again = openSync(`/proc/self/fd/${fd}`, 'r')
  const last = Buffer.alloc(1)
  readSync(again, last, 0, 1, stat.size - 1)
  closeSync(again)
  return last[0] !== 0x0a
}
