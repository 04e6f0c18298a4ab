import { setTimeout as sleep } from 'node:timers/promises'
import { bootNow } from '../runtime/clock.ts'

/** Between two looks, ms. */
const SHORTEST_MS = 2
const LONGEST_MS = 20
/** The part of what was waited for already that one look more may come too late by. */
const LATE = 0.1

/**
 * The pauses of who looks again and again for what others do: short where it has not waited long, and never shorter than
 * the look, which takes its time from those it waits for.
 */
export class Pace {
  readonly #begunAt = bootNow()
  #lookAt = this.#begunAt

  /** Until the next look. */
  async pause(): Promise<void> {
    const now = bootNow()
    const least = Math.max(SHORTEST_MS, now - this.#lookAt, LATE * (now - this.#begunAt))
    await sleep(Math.min(LONGEST_MS, least))
    this.#lookAt = bootNow()
  }
}
