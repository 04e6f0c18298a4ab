import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'
import { TwRunError } from '../core/error.ts'
import { expecting, failedWith } from './system-error.ts'

/** What makes FIFOs, for the user alone; their paths come behind it. */
export const MKFIFO = ['mkfifo', '-m', '600', '--'] as const
const [PROGRAM, ...OPTIONS] = MKFIFO

/** As much text as a helper gets, characters: Linux takes 2 MB, and the environment is of it. */
export const MOST_TEXT = 512 * 1024

/** Makes the FIFOs, mostly all by one call. Errors: TwRunError 1 where the file system has none. */
export function makeLifelines(paths: readonly string[]): void {
  const size = Math.floor(MOST_TEXT / Math.max(...paths.map((path) => path.length + 1)))
  for (let at = 0; at < paths.length; at += size) makeAll(paths.slice(at, at + size))
}

function makeAll(paths: readonly string[]): void {
  const { status, error, stderr } = spawnSync(PROGRAM, [...OPTIONS, ...paths], { encoding: 'utf8' })
  if (status === 0) return
  // Out of descriptors or processes: the caller tries again later.
  if (error !== undefined && !failedWith(error, 'ENOENT')) throw error
  throw new TwRunError(`cannot make a FIFO: ${(error?.message ?? stderr).trim()}`, {
    exitCode: 1,
    hint: 'this file system may have none: name another place with --state-dir DIR or TW_RUN_STATE_DIR',
  })
}

/** Makes those that can be, beside other work; who needs one that is missing makes it then, and hears what is wrong. */
export function beginLifelines(paths: readonly string[]): ChildProcess {
  // In another language it reads a dozen files first, which takes a quarter of its time.
  return spawn(PROGRAM, [...OPTIONS, ...paths], { stdio: 'ignore', env: { ...process.env, LC_ALL: 'C' } })
}

/** The descriptors of both ends. */
export interface Lifeline {
  readonly read: number
  readonly write: number
}

/** Opens both ends: the read end to keep, the write end for the shim alone. */
export function openLifeline(path: string): Lifeline {
  const read = openForReading(path)
  try {
    // With a reader there, opening for writing does not block.
    return { read, write: openSync(path, constants.O_WRONLY) }
  } catch (error) {
    closeSync(read)
    throw error
  }
}

/**
 * Opens both ends of a FIFO by which a program is told something: the write end to keep, the read end for the program,
 * which waits for what comes, until nobody has the write end any more.
 */
export function openOrders(path: string): Lifeline {
  // For writing alone it would wait for a reader, and the reader for it.
  const write = openSync(path, constants.O_RDWR)
  try {
    return { read: openSync(path, constants.O_RDONLY), write }
  } catch (error) {
    closeSync(write)
    throw error
  }
}

/** Waits for no writer, if it is a FIFO. Errors: those of open(2). */
export function openForReading(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
}

/** Whether a shim holds the other end. Nothing is ever written to a lifeline. */
export function isHeld(read: number): boolean {
  return expecting({ EAGAIN: true }, () => readSync(read, Buffer.alloc(1)) > 0)
}

/** Calls back once when the shim is gone. Takes the descriptor over; `stop()` closes it and stays silent. */
export function watchLifeline(read: number, gone: () => void): { stop(): void } {
  const socket = new Socket({ fd: read, readable: true, writable: false })
  socket.once('close', gone)
  socket.on('error', () => socket.destroy())
  socket.resume()
  // The supervisor lives as long as it has work, not as long as somebody is alive.
  socket.unref()
  return {
    stop() {
      socket.off('close', gone)
      socket.destroy()
    },
  }
}
