import { exitCodeOfSignal } from '../core/exit.ts'
import type { Fixture } from './fixture.ts'
import { SIGNALS } from '../runtime/last-words.ts'

/** Notes that somebody wants an end, also when no formation is there to hear it. */
export class Interruption {
  #signal: (typeof SIGNALS)[number] | undefined

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#take)
  }

  /** The exit code for it; undefined if nobody interrupted. */
  get code(): number | undefined {
    return this.#signal === undefined ? undefined : exitCodeOfSignal(this.#signal)
  }

  /** Ends a formation that was begun when the signal had come already. */
  tell(fixture: Fixture): void {
    if (this.#signal !== undefined) fixture.end({ kind: 'signal', signal: this.#signal })
  }

  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#take)
  }

  readonly #take = (signal: (typeof SIGNALS)[number]): void => {
    this.#signal ??= signal
  }
}
