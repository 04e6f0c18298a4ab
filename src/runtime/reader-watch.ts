import { spawn } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { endHelper } from './signal.ts'

/**
 * Tells when the last reader of a pipe has gone, without writing to it: `| head -1` has what it wanted, and
 * the formation may say nothing more for hours. The kernel tells it only to poll(2), which Node offers for no
 * pipe that is only written to, and opening the pipe once more fails for want of readers only if it has a name.
 * GNU tail polls its output, so one waits beside us; where there is none, the next write finds it out.
 */
export class ReaderWatch {
  readonly #fd: number
  readonly #gone: () => void
  #hasBegun = false
  #pid: number | undefined

  constructor(fd: number, gone: () => void) {
    this.#fd = fd
    this.#gone = gone
  }

  /** Begins to watch, the first time it is called. */
  begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    if (process.platform !== 'linux' || !fstatSync(this.#fd).isFIFO()) return
    try {
      // A description of its own: spawn would change the mode of the one that others share.
      const pipe = openSync(`/proc/self/fd/${this.#fd}`, constants.O_WRONLY)
      this.#spawn(pipe)
      closeSync(pipe)
    } catch {
      // A pipe of another user's.
    }
  }

  #spawn(pipe: number): void {
    // It looks once a second; and it must not outlive us, or the reader would wait for it.
    const child = spawn('tail', ['-f', '-s', '1', `--pid=${process.pid}`, '/dev/null'], {
      stdio: ['ignore', pipe, 'ignore'],
      env: { PATH: process.env['PATH'] ?? '' },
      detached: true,
    })
    this.#pid = child.pid
    child.unref()
    child.on('error', () => {})
    child.on('exit', (_code, signal) => {
      this.#pid = undefined
      if (signal === 'SIGPIPE') this.#gone()
    })
  }

  end(): void {
    this.#hasBegun = true
    if (this.#pid !== undefined) endHelper(this.#pid)
  }
}
