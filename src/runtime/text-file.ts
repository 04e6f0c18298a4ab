import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { TwRunError } from '../core/error.ts'
import { printable } from '../core/printable.ts'
import { reasonOf, systemCode } from './system-error.ts'

/** The largest file of the user that is read, in bytes: no Procfile and no `.env` comes near it. */
export const MAX_TEXT_BYTES = 1_048_576

/**
 * A user's file as text; bytes that are not UTF-8 become U+FFFD, which the parsers report. Undefined if it does
 * not exist. `shown` is its name in the errors, all of exit code 2: a directory, unreadable, over 1 MiB.
 */
export function readTextFile(path: string, shown: string): string | undefined {
  try {
    const fd = openSync(path, 'r')
    try {
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(readBounded(fd, shown))
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
function readBounded(fd: number, shown: string): Uint8Array {
  const size = fstatSync(fd).size
  const buffer = Buffer.alloc(size > MAX_TEXT_BYTES ? 0 : MAX_TEXT_BYTES + 1)
  let length = 0
  for (let count = -1; count !== 0 && length < buffer.length; length += count) {
    count = readSync(fd, buffer, length, buffer.length - length, null)
  }
  if (length === buffer.length) {
    const megabytes = size > MAX_TEXT_BYTES ? ` (${(size / MAX_TEXT_BYTES).toFixed(1)} MiB)` : ''
    throw new TwRunError(`${printable(shown)} is larger than 1 MiB${megabytes}`, {
      exitCode: 2,
      hint: 'is it the right file? Commands that long belong in a script',
    })
  }
  return buffer.subarray(0, length)
}
