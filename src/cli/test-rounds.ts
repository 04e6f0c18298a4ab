import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { printable } from '../core/printable.ts'
import type { SignalRelay } from '../runtime/one-off.ts'
import { say } from '../runtime/terminal.ts'
import type { Fixture } from './fixture.ts'
import { Limit } from './limit.ts'
import { work } from './work.ts'

const STDOUT = 1
/** A round may take so many times as long as undisturbed, and at least so many ms. */
const TIMES_AS_LONG = 10
const AT_LEAST_MS = 60_000
const LAST_LINES = 20

/** The tests of an app, again and again; what they print is shown only if they fail. */
export class TestRounds {
  readonly #words: readonly string[]
  readonly #relay: SignalRelay
  readonly #output: string

  /** `folder` is for what they print. */
  constructor(words: readonly string[], relay: SignalRelay, folder: string) {
    this.#words = words
    this.#relay = relay
    this.#output = join(folder, 'output')
  }

  /** One round; the exit code of the tests. `usualMs` is how long they take where nothing disturbs them. */
  async once(fixture: Fixture, usualMs?: number): Promise<number> {
    const limit = new Limit(
      usualMs === undefined ? undefined : Math.max(AT_LEAST_MS, usualMs * TIMES_AS_LONG),
    )
    const output = createWriteStream(this.#output, { mode: 0o600 })
    await once(output, 'open')
    try {
      const { code } = await work(this.#words, fixture, { relay: this.#relay, limit, output })
      return code
    } finally {
      limit.cancel()
      await new Promise<void>((resolve) => output.end(resolve))
    }
  }

  /** Until one fails or it is enough; the exit code of the one that failed, and how many there were. */
  async until(
    isEnough: () => boolean,
    fixture: Fixture,
    usualMs: number,
  ): Promise<{ readonly code: number | undefined; readonly rounds: number }> {
    for (let rounds = 1; ; rounds += 1) {
      const code = await this.once(fixture, usualMs)
      if (code !== 0 || fixture.session.ending !== undefined) return { code, rounds }
      if (isEnough()) return { code: undefined, rounds }
    }
  }

  /** Shows the last lines that the tests printed. */
  show(): void {
    const text = readFileSync(this.#output, 'utf8').trimEnd()
    const lines = text === '' ? [] : text.split('\n').slice(-LAST_LINES)
    say(STDOUT, lines.map((line) => `  | ${printable(line)}\n`).join(''))
  }
}
