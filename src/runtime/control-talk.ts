import { closeSync, readSync, writeSync } from 'node:fs'
import { LONGEST_MESSAGE } from '../core/protocol.ts'
import { bootNow } from './clock.ts'
import { expecting } from './system-error.ts'

/** A client that has not said what it wants by then, ms, is not waited for. */
const ASK_WITHIN_MS = 5_000
/** Nor one that has not read the answer: it has given up itself by then. */
const READ_WITHIN_MS = 10_000
/** As much as a FIFO holds, bytes. */
const ROOM = 64 * 1024
const NEWLINE = 10

/** What is said to the line of a client, with its end. */
export type AnswerTo = (line: string) => string

/** A question and its answer, by two FIFOs that are not waited for. */
export class ControlTalk {
  readonly #into: number
  readonly #out: number
  #until = bootNow() + ASK_WITHIN_MS
  #said = Buffer.alloc(0)
  #unsaid: Buffer | undefined

  /** Takes both descriptors over. */
  constructor(into: number, out: number) {
    this.#into = into
    this.#out = out
  }

  /** Whether it has not said what it wants. */
  get isSilent(): boolean {
    return this.#unsaid === undefined
  }

  /** Goes on as far as the client does; whether it has come to an end. */
  isOver(answerTo: AnswerTo): boolean {
    if (this.#unsaid === undefined) {
      if (!this.#hears()) return true
      const end = this.#said.indexOf(NEWLINE)
      if (end < 0 && this.#said.length <= LONGEST_MESSAGE) return bootNow() > this.#until
      this.#until = bootNow() + READ_WITHIN_MS
      // What has no end is no command.
      this.#unsaid = Buffer.from(answerTo(this.#said.toString('utf8', 0, Math.max(0, end))))
    }
    const bytes = this.#unsaid
    this.#unsaid = bytes.subarray(
      expecting({ EAGAIN: 0, EPIPE: bytes.length }, () => writeSync(this.#out, bytes)),
    )
    return this.#unsaid.length === 0 || bootNow() > this.#until
  }

  close(): void {
    closeSync(this.#into)
    closeSync(this.#out)
  }

  /** Takes what has been said; false where nobody is there who may say more. */
  #hears(): boolean {
    const bytes = Buffer.allocUnsafe(ROOM)
    const length = expecting({ EAGAIN: -1 }, () => readSync(this.#into, bytes))
    if (length > 0) this.#said = Buffer.concat([this.#said, bytes.subarray(0, length)])
    return length !== 0
  }
}
