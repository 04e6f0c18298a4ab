import { statSync } from 'node:fs'
import { bootNow } from './clock.ts'
import { supervisorOf, view } from './observer.ts'
import type { View } from './observer.ts'
import { runPath } from './run-directory.ts'
import type { StateDir } from './state-dir.ts'

/** How long everything is looked at each time after something has changed, ms: a run ends some moments after it says so. */
const UNSETTLED_MS = 250
/** What has not changed for so long, ms, is looked at only so often, ms: a run is kept until three more have come. */
const SETTLED_MS = 5_000
const SETTLED_EVERY_MS = 100
/** So often, ms, it is looked whether the supervisor lives, who sees what changes no folder, such as a kill of a shim. */
const LOOK_EVERY_MS = 1_000
/** And so often at everything, ms, whatever has changed. */
const COMPARE_EVERY_MS = 5_000

/**
 * What somebody sees who looks at a formation again and again. To look at everything takes 0.2 ms a process, at the times
 * of their folders a tenth of that.
 */
export class Lookout {
  readonly #state: StateDir
  #seen: View | undefined
  #signs = ''
  #signsAt = -Infinity
  #changedAt = -Infinity
  #seenAt = -Infinity
  #supervisedAt = -Infinity

  constructor(state: StateDir) {
    this.#state = state
  }

  /** As it is now, or was a moment ago. */
  look(): View {
    const now = bootNow()
    const isSettled = now >= this.#changedAt + SETTLED_MS && now < this.#signsAt + SETTLED_EVERY_MS
    if (this.#seen !== undefined && isSettled) return this.#seen
    this.#signsAt = now
    const signs = this.#signsNow()
    if (signs !== this.#signs) this.#changedAt = now
    this.#signs = signs
    const isNews = now < this.#changedAt + UNSETTLED_MS || now >= this.#seenAt + COMPARE_EVERY_MS
    if (this.#seen !== undefined && !isNews && this.#isSupervised(this.#seen, now)) return this.#seen
    this.#seenAt = this.#supervisedAt = now
    this.#seen = view(this.#state)
    return this.#seen
  }

  /** Whether the one who supervised does so still, or did less than a second ago. */
  #isSupervised({ supervisor }: View, now: number): boolean {
    if (now < this.#supervisedAt + LOOK_EVERY_MS) return true
    this.#supervisedAt = now
    return supervisor !== undefined && supervisorOf(this.#state) === supervisor
  }

  /** When something was last made, renamed or removed in a folder that matters. */
  #signsNow(): string {
    const { path, processes } = this.#state
    const runs = this.#seen?.slots.runs() ?? []
    const folders = runs.flatMap(({ id, number }) => [`${processes}/${id}`, runPath(this.#state, id, number)])
    return [path, processes, ...folders].map(changedAt).join()
  }
}

function changedAt(folder: string): number | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.mtimeMs
}
