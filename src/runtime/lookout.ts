import { statSync } from 'node:fs'
import type { ProcessId } from '../core/names.ts'
import type { Run } from '../core/process.ts'
import { bootNow } from './clock.ts'
import { supervisorOf, view } from './observer.ts'
import type { View } from './observer.ts'
import { runPath } from './run-directory.ts'
import { historyLength } from './run-history.ts'
import type { StateDir } from './state-dir.ts'

/** How long everything is looked at each time after something has changed, ms: a run ends some moments after it says so. */
const UNSETTLED_MS = 250
/** What has not changed for so long, ms, is looked at only so often, ms: a run is kept until three more have come. */
const SETTLED_MS = 5_000
const SETTLED_EVERY_MS = 100
/** So often, ms, it is looked whether the supervisor lives and has written down an end, which changes no folder. */
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
  #ends = ''
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
    this.#ends = this.#endsNow()
    this.#seen = view(this.#state)
    return this.#seen
  }

  /** Whether one supervises who has seen no end that is news, or did less than a second ago. */
  #isSupervised({ supervisor }: View, now: number): boolean {
    if (now < this.#supervisedAt + LOOK_EVERY_MS) return true
    this.#supervisedAt = now
    if (supervisor === undefined || supervisorOf(this.#state) !== supervisor) return false
    return this.#endsNow() === this.#ends
  }

  /** When something was last made, renamed or removed in a folder that matters. */
  #signsNow(): string {
    const { path, processes } = this.#state
    const { ids, runs } = this.#known()
    const ofProcesses = ids.map((id) => `${processes}/${id}`)
    const ofRuns = runs.map(({ id, number }) => runPath(this.#state, id, number))
    return [path, processes, ...ofProcesses, ...ofRuns].map(changedAt).join()
  }

  /** How much has been written down of ends. */
  #endsNow(): string {
    return this.#known()
      .ids.map((id) => historyLength(this.#state, id))
      .join()
  }

  #known(): { readonly ids: readonly ProcessId[]; readonly runs: readonly Run[] } {
    const { slots } = this.#seen ?? {}
    return { ids: slots?.ids() ?? [], runs: slots?.runs() ?? [] }
  }
}

function changedAt(folder: string): number | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.mtimeMs
}
