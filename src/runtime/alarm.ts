import { bootNow } from './clock.ts'

/** What the loop of a supervisor waits by: it waits until a time or until something rings, whichever comes first. */
export class Alarm {
  #timer: NodeJS.Timeout | undefined
  #wake: () => void = () => {}
  #hasRung = false

  /** From now on a ring counts for the next wait, also if it comes before that begins. */
  arm(): void {
    this.#hasRung = false
  }

  /** Whether it has rung since it was armed. */
  get hasRung(): boolean {
    return this.#hasRung
  }

  ring(): void {
    this.#hasRung = true
    this.#wake()
  }

  /** `until` is in ms since boot. */
  async wait(until: number): Promise<void> {
    if (this.#hasRung) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      this.#timer = setTimeout(resolve, Math.max(0, until - bootNow()))
    })
    clearTimeout(this.#timer)
  }
}
