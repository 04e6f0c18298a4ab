import { exitCodeOfSignal } from '../core/exit.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Remembers that we were asked to end, so that what was begun elsewhere can be ended or taken back first. */
export class Interruption {
  /** 128 + the number of the first signal. */
  code: number | undefined
  readonly #over = new AbortController()

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#take)
  }

  /** Aborted by the first signal, or by `end`. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  end(): void {
    this.#over.abort()
  }

  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#take)
  }

  readonly #take = (signal: NodeJS.Signals): void => {
    this.code ??= exitCodeOfSignal(signal)
    this.#over.abort()
  }
}
