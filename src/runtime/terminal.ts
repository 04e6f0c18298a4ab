import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs'
import { isatty, WriteStream } from 'node:tty'
import { TwRunError } from '../core/error.ts'
import { pause } from './clock.ts'
import { reasonOf, systemCode } from './system-error.ts'

const STDERR = 2

/**
 * Writes all of the text to a descriptor and returns whether anybody reads it: false once the reader has gone.
 * Never through `process.stdout`, whose getter changes the mode of a pipe that others share. Errors: TwRunError 1,
 * such as for a file on a full disk.
 */
export function say(fd: number, text: string | Uint8Array): boolean {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(fd, bytes, written)
    } catch (error) {
      const code = systemCode(error)
      if (code === 'EAGAIN') pause(2)
      else if (code === 'EPIPE') return false
      else if (code !== 'EINTR')
        throw new TwRunError(`cannot write the output: ${reasonOf(error)}`, { exitCode: 1 })
    }
  }
  return true
}

/**
 * Says on stderr what is no result: notes, warnings, errors. Where that cannot be written, such as on a full disk, it is
 * lost, and neither the work nor the exit code is.
 */
export function mention(text: string): void {
  try {
    say(STDERR, text)
  } catch (error) {
    if (!(error instanceof TwRunError)) throw error
  }
}

/** Whether a person sees what is written to the descriptor. */
export function isTerminal(fd: number): boolean {
  return mayBeTerminal(fd) && isatty(fd)
}

/** The width of the terminal in columns, from COLUMNS, else from the terminal; undefined where there is none. */
export function columns(fd: number): number | undefined {
  if (!isTerminal(fd)) return undefined
  const told = Number(process.env['COLUMNS'])
  return Number.isInteger(told) && told > 0 ? told : measured()
}

function measured(): number | undefined {
  try {
    // A descriptor of our own: a WriteStream makes its descriptor non-blocking.
    const stream = new WriteStream(openSync('/dev/tty', 'r+'))
    const width = stream.columns
    stream.destroy()
    return width > 0 ? width : undefined
  } catch {
    // No controlling terminal; whoever asks has a default.
    return undefined
  }
}

/**
 * Puts the null device in the place of a terminal that was closed. Node puts a terminal back as it found it
 * when it ends, and aborts if that fails, as it does then.
 */
export function letGoOfClosedTerminal(): void {
  for (const fd of [0, 1, 2]) {
    if (!isDeadTerminal(fd)) continue
    closeSync(fd)
    // Takes the lowest free number, which is the one just closed.
    openSync('/dev/null', 'r+')
  }
}

function isDeadTerminal(fd: number): boolean {
  return mayBeTerminal(fd) && !isatty(fd)
}

/** Most that is no terminal is a pipe, a file or the null device: node:tty, which takes 2 ms, is loaded only for the rest. */
function mayBeTerminal(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isCharacterDevice() && stat.rdev !== statSync('/dev/null').rdev
  } catch {
    // Closed by whoever started us.
    return false
  }
}
