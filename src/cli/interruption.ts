import type { Fixture } from './fixture.ts'
import { SIGNALS } from '../runtime/last-words.ts'

export type EndSignal = (typeof SIGNALS)[number]

/** Notes that somebody wants an end, also when no formation is there to hear it. */
export class Interruption {
  /** The first one; undefined if nobody interrupted. */
  signal: EndSignal | undefined

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#take)
  }

  /** Ends a formation that was begun when the signal had come already. */
  tell(fixture: Fixture): void {
    if (this.signal !== undefined) fixture.end({ kind: 'signal', signal: this.signal })
  }

  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#take)
  }

  readonly #take = (signal: EndSignal): void => {
    this.signal ??= signal
  }
}
