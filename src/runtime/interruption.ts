import { exitCodeOfSignal } from '../core/exit.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Remembers that we were asked to end, so that what was begun elsewhere can be taken back first. */
export class Interruption {
  /** 128 + the number of the first signal. */
  code: number | undefined

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#take)
  }

  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#take)
  }

  readonly #take = (signal: NodeJS.Signals): void => {
    this.code ??= exitCodeOfSignal(signal)
  }
}
