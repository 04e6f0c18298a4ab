import { aMoment, bootNow } from './clock.ts'
import type { Feed } from './feeds.ts'
import type { LogSource } from './log-source.ts'

/** A log that grows is read this often, ms, instead of at every write to it. */
const READ_AGAIN_MS = 4
/** The same where somebody waits for a first line, as long as that costs a few looks. */
const READ_FIRST_MS = 1
const FEW = 4
/** What a shell prints first comes so soon after its start, ms: it is looked for in every moment. */
const FIRST_WITHIN_MS = 6
/** After so long without growth, ms, a log is watched instead of read. */
const COLD_AFTER_MS = 100
/** The same of one that has said something, where few speak: where many do they are read together. */
const COLD_SOON_MS = 20
/** Watches that call more often than so many times in so long (ms) wake the processor more often than reading does. */
const MANY_CALLS = 40
const CALLS_WITHIN_MS = 200
/** A reader may leave without a word: look this often, ms. */
const LOOK_EVERY_MS = 1_000

/** When to look at the logs again: those that grow soon, the others when a watch or the clock says so. */
export class Attention {
  #hint: () => void = () => {}
  /** When the last calls of watches came, ms. */
  readonly #calls: number[] = []
  #isHinted = false

  /** What is hinted from now on is not seen by the round that begins. */
  begin(): void {
    this.#isHinted = false
  }

  /** Something may have changed. */
  wake(): void {
    this.#isHinted = true
    this.#hint()
  }

  /** It may have grown, and its watch may have missed that. */
  heed({ source }: Feed): void {
    if (source.isResting && source.hasGrown) this.#noteGrowth(source)
  }

  /** Until one of these may have more to show, or a second has gone by. */
  async rest(feeds: readonly Feed[]): Promise<void> {
    const wait = this.#watchCold(feeds)
    if (this.#isHinted) return
    if (wait === 0) return aMoment()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait)
      this.#hint = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hint = () => {}
  }

  /** Watches what does not grow; how long to wait for what does, ms; 0 for a moment. */
  #watchCold(feeds: readonly Feed[]): number {
    const now = bootNow()
    const speaking = feeds.filter(({ source }) => now - source.grewAt < COLD_AFTER_MS).length
    const coldAfter = speaking > FEW ? COLD_AFTER_MS : COLD_SOON_MS
    let growing = 0
    let silent = 0
    let isSoon = false
    for (const { source } of feeds) {
      if (source.isResting) continue
      const isSilent = source.offset === 0
      if (source.isEnded || now - source.grewAt < (isSilent ? COLD_AFTER_MS : coldAfter)) {
        growing += 1
        if (!isSilent) continue
        silent += 1
        isSoon ||= now - source.grewAt < FIRST_WITHIN_MS
      } else this.#watch(source)
    }
    if (growing === 0) return LOOK_EVERY_MS
    if (silent === 0 || growing > FEW) return READ_AGAIN_MS
    return isSoon ? 0 : READ_FIRST_MS
  }

  #watch(source: LogSource): void {
    source.watch(() => this.#noteGrowth(source))
    // It may have grown between the last read and the watch.
    if (source.hasGrown) this.#noteGrowth(source)
  }

  #noteGrowth(source: LogSource): void {
    source.rouse()
    const now = bootNow()
    source.grewAt = now
    this.#calls.push(now)
    if (this.#calls.length > MANY_CALLS && now - (this.#calls.shift() ?? 0) < CALLS_WITHIN_MS)
      source.unwatch()
    this.wake()
  }
}
