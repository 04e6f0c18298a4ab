import { closeSync } from 'node:fs'
import { LONGEST_MESSAGE } from '../core/protocol.ts'
import { bootNow } from './clock.ts'
import { readNow, writeNow } from './fifo.ts'

/** A client that has not said what it wants by then, ms, is not waited for. */
const ASK_WITHIN_MS = 5_000
/** Nor one that has not read the answer: it has given up itself by then. */
const READ_WITHIN_MS = 10_000
const NEWLINE = 10

/** What is said to the line of a client, with its end. */
export type AnswerTo = (line: string) => string

/** A question and its answer, by two FIFOs that are not waited for. */
export class ControlTalk {
  readonly #into: number
  readonly #out: number
  readonly #answerTo: AnswerTo
  #until = bootNow() + ASK_WITHIN_MS
  #said = Buffer.alloc(0)
  #unsaid: Buffer | undefined

  /** Takes both descriptors over. */
  constructor(into: number, out: number, answerTo: AnswerTo) {
    this.#into = into
    this.#out = out
    this.#answerTo = answerTo
  }

  /** Whether it has not said what it wants. */
  get isSilent(): boolean {
    return this.#unsaid === undefined
  }

  /** Goes on as far as the client does; false where it has come to an end. */
  goesOn(): boolean {
    if (this.#unsaid === undefined) {
      const more = readNow(this.#into)
      // Nobody is there who may say more.
      if (more?.length === 0) return false
      if (more !== undefined) this.#said = Buffer.concat([this.#said, more])
      const end = this.#said.indexOf(NEWLINE)
      if (end < 0 && this.#said.length <= LONGEST_MESSAGE) return bootNow() <= this.#until
      this.#until = bootNow() + READ_WITHIN_MS
      // What has no end is no command.
      this.#unsaid = Buffer.from(this.#answerTo(this.#said.toString('utf8', 0, Math.max(0, end))))
    }
    this.#unsaid = writeNow(this.#out, this.#unsaid)
    return this.#unsaid.length > 0 && bootNow() <= this.#until
  }

  close(): void {
    closeSync(this.#into)
    closeSync(this.#out)
  }
}
