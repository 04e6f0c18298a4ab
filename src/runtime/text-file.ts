import { closeSync, openSync, statSync } from 'node:fs'
import { TwRunError } from '../core/error.ts'
import { printable } from '../core/printable.ts'
import { readToEnd } from './read-to-end.ts'
import { reasonOf, systemCode } from './system-error.ts'

/** The largest file of the user that is read, in bytes: no Procfile and no `.env` comes near it. */
export const MAX_TEXT_BYTES = 1_048_576

/** What is a descriptor of this process alone, mostly a pipe that a shell made for `<(...)`. */
const OWN_DESCRIPTOR = /^\/(dev\/(fd\/\d+|stdin)|proc\/(self|thread-self)\/fd\/\d+)$/
/** What was read from such, by path: nobody reads a pipe twice, and several parts of a command read the same file. */
const readOnce = new Map<string, string>()

/** Whether only this process can read there, and only once. */
export function isOwnDescriptor(path: string): boolean {
  return OWN_DESCRIPTOR.test(path)
}

/** Most are smaller. */
const USUAL_BYTES = 4_096

/**
 * A user's file as text; bytes that are not UTF-8 become U+FFFD, which the parsers report. Undefined if it does
 * not exist. `shown` is its name in the errors, all of exit code 2: a directory, unreadable, over 1 MiB.
 */
export function readTextFile(path: string, shown: string): string | undefined {
  if (!isOwnDescriptor(path)) return readNow(path, shown)
  const text = readOnce.get(path) ?? readNow(path, shown)
  if (text !== undefined) readOnce.set(path, text)
  return text
}

function readNow(path: string, shown: string): string | undefined {
  try {
    // Most apps have neither `.env` nor app.json, and an error takes Node longer than to read a file.
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    const fd = openSync(path, 'r')
    try {
      return readBounded(fd, stats.size, shown).toString()
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (error instanceof TwRunError) throw error
    if (systemCode(error) === 'ENOENT') return undefined
    throw new TwRunError(`cannot read ${printable(shown)}: ${reasonOf(error)}`, { exitCode: 2 })
  }
}

/** Bounded by what is read, not by what the size says: a pipe and /dev/zero have none. */
function readBounded(fd: number, size: number, shown: string): Buffer {
  if (size > MAX_TEXT_BYTES) throw tooLarge(shown, ` (${(size / MAX_TEXT_BYTES).toFixed(1)} MiB)`)
  // Not the most that there may be: to get so much from the kernel takes longer than to read a Procfile.
  const room = Buffer.allocUnsafe(Math.max(size + 1, USUAL_BYTES))
  const { bytes, length } = readToEnd(fd, room, MAX_TEXT_BYTES)
  if (length > MAX_TEXT_BYTES) throw tooLarge(shown, '')
  return bytes.subarray(0, length)
}

function tooLarge(shown: string, size: string): TwRunError {
  return new TwRunError(`${printable(shown)} is larger than 1 MiB${size}`, {
    exitCode: 2,
    hint: 'is it the right file? Commands that long belong in a script',
  })
}
