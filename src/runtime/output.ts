import { closeSync, constants, fstatSync, openSync, readSync, write } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { failedWith } from './system-error.ts'

/** A pipe that somebody else made non-blocking is asked again after this many ms. */
const FULL_PIPE_MS = 5

/** A file on a full disk is tried again after this many ms: the logs keep what it misses. */
const FULL_DISK_MS = 1_000

/** The reader of our output has gone: `| head -1` has what it wanted. */
export class ReaderGone extends Error {}

/**
 * Writes all of it, in a thread of libuv's pool: a slow terminal or pipe never holds up supervision. Not by
 * process.stdout, which would queue in memory without bound and change the mode of a pipe that others share.
 * Errors: ReaderGone.
 */
export async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    try {
      done += await writeSome(fd, bytes, done)
    } catch (error) {
      if (failedWith(error, 'EAGAIN')) await sleep(FULL_PIPE_MS)
      else if (failedWith(error, 'ENOSPC', 'EDQUOT')) await sleep(FULL_DISK_MS)
      else if (failedWith(error, 'EPIPE', 'EIO')) throw new ReaderGone()
      else throw error
    }
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

/** Whether a pipe has lost its last reader, known without writing to it. False for anything but a pipe. */
export function hasLostReader(fd: number): boolean {
  if (process.platform !== 'linux' || !fstatSync(fd).isFIFO()) return false
  try {
    closeSync(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK))
    return false
  } catch (error) {
    return failedWith(error, 'ENXIO')
  }
}

/** Whether what was written last, by an earlier tw-run into the same file, ends within a line. */
export function endsWithinLine(fd: number): boolean {
  const stat = fstatSync(fd)
  if (process.platform !== 'linux' || !stat.isFile() || stat.size === 0) return false
  try {
    const again = openSync(`/proc/self/fd/${fd}`, 'r')
    const last = Buffer.alloc(1)
    readSync(again, last, 0, 1, stat.size - 1)
    closeSync(again)
    return last[0] !== 0x0a
  } catch {
    // A file that may be written and not read: then nobody knows.
    return false
  }
}
