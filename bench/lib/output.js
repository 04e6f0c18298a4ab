// Where a tool's output comes from. A consumer has take(bytes, time) and, optionally, end(time); times are
// those of process.hrtime.bigint() in ms.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'

export const nowMs = () => Number(process.hrtime.bigint()) / 1e6

/**
 * The tool's stdout as a real pipe: Node's own 'pipe' is a socket pair, into which programs write at another
 * speed, and which cannot be opened again as /dev/stdout.
 * The descriptor is the tool's end; call `started` once the tool has it.
 */
export function pipeOutput(dir, consumer, name = 'stdout.fifo') {
  const path = join(dir, name)
  execFileSync('mkfifo', [path])
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(path, constants.O_WRONLY)
  const socket = new Socket({
    fd: readEnd,
    readable: true,
    writable: false,
    // One buffer for all reads: a new one for each would make the harness the slowest part.
    onread: {
      buffer: Buffer.alloc(1 << 18),
      callback(length, buffer) {
        consumer.take(buffer.subarray(0, length), nowMs())
        return true
      },
    },
  })
  socket.on('end', () => consumer.end?.(nowMs()))
  socket.on('error', () => {})
  return {
    descriptor: writeEnd,
    started: () => closeSync(writeEnd),
    close: () => socket.destroy(),
  }
}

/** How often log files are looked at, in ms: also the error of their times. */
const POLL_MS = 2

/** One log file, read as far as its last whole line, so that lines of several files are not mixed. */
function logReader(path) {
  let fd
  let at = 0
  const buffer = Buffer.alloc(1 << 20)
  const tryOpen = () => {
    try {
      fd = openSync(path, 'r')
    } catch {
      // Not made yet.
    }
  }
  return {
    poll(consumer) {
      if (fd === undefined) tryOpen()
      if (fd === undefined || fstatSync(fd).size === at) return
      const length = readSync(fd, buffer, 0, buffer.length, at)
      const whole = buffer.subarray(0, length).lastIndexOf(10) + 1
      if (whole > 0) consumer.take(buffer.subarray(0, whole), nowMs())
      at += whole
    },
    close: () => fd !== undefined && closeSync(fd),
  }
}

/** For a tool that shows a screen and no stream: the log files that it writes. */
export function logOutput(paths, consumer) {
  const readers = paths.map(logReader)
  const timer = setInterval(() => {
    for (const reader of readers) reader.poll(consumer)
  }, POLL_MS)
  return {
    descriptor: 'ignore',
    started: () => {},
    close() {
      clearInterval(timer)
      for (const reader of readers) reader.close()
    },
  }
}

/** The tool's stdout is a file, which is looked at while it grows. */
export function fileOutput(dir, consumer) {
  const path = join(dir, 'stdout.file')
  const descriptor = openSync(path, 'w')
  const log = logOutput([path], consumer)
  return { ...log, descriptor, started: () => closeSync(descriptor) }
}

/** How often a slow reader reads, in ms. */
const SLOW_MS = 5

/** The tool's stdout is a pipe, read at no more than so many bytes a second. */
export const slowOutput = (bytesPerSecond) => (dir, consumer) => {
  const path = join(dir, 'stdout.fifo')
  execFileSync('mkfifo', [path])
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(path, constants.O_WRONLY)
  const buffer = Buffer.alloc(1 << 18)
  let readAt = nowMs()
  const timer = setInterval(() => {
    const now = nowMs()
    const due = Math.min(buffer.length, Math.floor((bytesPerSecond * (now - readAt)) / 1_000))
    readAt = now
    const length = readNow(readEnd, buffer, due)
    if (length > 0) consumer.take(buffer.subarray(0, length), now)
    if (length !== 0) return
    clearInterval(timer)
    consumer.end?.(now)
  }, SLOW_MS)
  return {
    descriptor: writeEnd,
    started: () => closeSync(writeEnd),
    close() {
      clearInterval(timer)
      closeSync(readEnd)
    },
  }
}

/** What is there, up to `most` bytes; 0 at the end, -1 when there is nothing yet. */
function readNow(descriptor, buffer, most) {
  try {
    return most === 0 ? -1 : readSync(descriptor, buffer, 0, most, null)
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error
    return -1
  }
}
