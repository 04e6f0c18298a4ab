import { closeSync } from 'node:fs'
import { describeExactly } from '../core/duration.ts'
import { printable } from '../core/printable.ts'
import type { SignalRelay } from '../runtime/one-off.ts'
import { endOfFile, openUnnamed } from '../runtime/unnamed-file.ts'
import { say } from '../runtime/terminal.ts'
import type { Fixture } from './fixture.ts'
import { Limit } from './limit.ts'
import { work } from './work.ts'

const STDOUT = 1
/** A round may take so many times as long as undisturbed, and at least so many ms. */
const TIMES_AS_LONG = 10
const AT_LEAST_MS = 60_000
const LAST_LINES = 20
/** No more of them is shown than this, bytes. */
const MOST_SHOWN = 20_000

export interface TestRoundsOptions {
  readonly words: readonly string[]
  readonly relay: SignalRelay
  /** The longest that a round may take, ms. */
  readonly limitMs: number | undefined
}

export interface TestRound {
  /** The exit code of the tests. */
  readonly code: number
  /** The time that they were given, ms, if it was too short; then they were ended. */
  readonly lateMs: number | undefined
}

export function hasFailed({ code, lateMs }: TestRound): boolean {
  return code !== 0 || lateMs !== undefined
}

/** What is wrong with a round, such as `exit code 1`. */
export function describeFailure({ code, lateMs }: TestRound): string {
  return lateMs === undefined ? `exit code ${code}` : `not over after ${describeExactly(lateMs)}`
}

/** The tests of an app, again and again; what they print is shown only if they fail. */
export class TestRounds {
  readonly #words: readonly string[]
  readonly #relay: SignalRelay
  /** Of the file that has what the first round that failed printed. */
  #printed: number | undefined
  readonly #limitMs: number | undefined

  constructor({ words, relay, limitMs }: TestRoundsOptions) {
    this.#words = words
    this.#relay = relay
    this.#limitMs = limitMs
  }

  /** One round. `usualMs` is how long they take where nothing disturbs them. */
  async once(fixture: Fixture, usualMs?: number): Promise<TestRound> {
    const limitMs =
      this.#limitMs ?? (usualMs === undefined ? undefined : Math.max(AT_LEAST_MS, usualMs * TIMES_AS_LONG))
    const limit = new Limit(limitMs)
    const output = openUnnamed()
    try {
      const { code } = await work(this.#words, fixture, { relay: this.#relay, limit, output })
      const round = { code, lateMs: limit.isOver ? limitMs : undefined }
      if (hasFailed(round)) this.#printed ??= output
      return round
    } finally {
      limit.cancel()
      if (this.#printed !== output) closeSync(output)
    }
  }

  /** Shows the last lines that the tests printed where they failed. */
  show(): void {
    const text = this.#printed === undefined ? '' : endOfFile(this.#printed, MOST_SHOWN).trimEnd()
    const lines = text === '' ? [] : text.split('\n').slice(-LAST_LINES)
    say(STDOUT, lines.map((line) => `  | ${printable(line)}\n`).join(''))
  }
}
