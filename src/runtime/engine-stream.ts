import { execa } from 'execa'
import { cutLines } from '../core/lines.ts'
import { commandMissing } from './engine-call.ts'
import { signalTree } from './signal.ts'
import { failedWith } from './system-error.ts'

/** A command that goes on writing, such as one that follows logs. */
export interface Stream {
  /** Its exit code, once it has ended and everything it wrote was handed on. */
  readonly ended: Promise<number>
  end(): Promise<void>
}

/** Runs a command and hands on whole lines, without their ends, as they come. */
export function streamLines(
  file: string,
  args: readonly string[],
  onLine: (line: Buffer) => void,
  onError: (line: Buffer) => void = onLine,
): Stream {
  const child = execa(file, args, {
    stdin: 'ignore',
    reject: false,
    cleanup: false,
    buffer: false,
    encoding: 'buffer',
    env: { LC_ALL: 'C' },
  })
  const output = splitter(onLine)
  const errors = splitter(onError)
  child.stdout.on('data', (bytes: Buffer) => output(bytes, false))
  child.stderr.on('data', (bytes: Buffer) => errors(bytes, false))
  const ended = child.then((result) => {
    output(Buffer.alloc(0), true)
    errors(Buffer.alloc(0), true)
    if (failedWith(result.cause, 'ENOENT')) throw commandMissing(file)
    return result.exitCode ?? 1
  })
  return {
    ended,
    end: async () => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        await signalTree(child.pid, 'SIGTERM')
      }
      await ended.catch(() => undefined)
    },
  }
}

function splitter(onLine: (line: Buffer) => void): (bytes: Buffer, isEnd: boolean) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes, isEnd) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    for (;;) {
      const { length } = cutLines(rest, isEnd)
      if (length === 0) return
      const whole = rest.subarray(0, length)
      rest = rest.subarray(length)
      for (let at = 0; at < whole.length;) {
        const newline = whole.indexOf(0x0a, at)
        const end = newline < 0 ? whole.length : newline
        onLine(whole.subarray(at, end))
        at = end + 1
      }
    }
  }
}
