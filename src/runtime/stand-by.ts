import { removeIfThere } from './disk.ts'
import type { Launch } from './launcher.ts'
import type { Lock } from './lock.ts'
import { processRoom } from './process-room.ts'
import { ReadyShim, canWait, isTellable } from './ready-shim.ts'
import type { SpareFifos } from './spare-fifos.ts'
import type { StateDir } from './state-dir.ts'
import { keepYoungGenerationSmall } from './small-heap.ts'

/** So long after a start, ms: what was started has the processors for itself until then. */
const LATER_MS = 50
/** Fewer processes than this a user may have more, and what is started needs them all. */
const ROOM = 64

type Shared = Launch['env']['shared']

export interface StandByOptions {
  readonly state: StateDir
  readonly lock: Lock
  readonly cwd: string
  readonly spares: SpareFifos
}

/** Keeps one shim that waits for the next run that is started alone, such as of a crashed process. */
export class StandBy {
  readonly #at: StandByOptions
  #ready: ReadyShim | undefined
  #timer: NodeJS.Timeout | undefined
  /** When those that were sent away are gone. */
  #gone: Promise<unknown> | undefined
  #isUsed = false
  #isClosed = false

  constructor(options: StandByOptions) {
    this.#at = options
  }

  /** Sees to it that one waits soon, for a run that shares this environment. */
  renew(environment: () => Shared): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#renew(environment), LATER_MS).unref()
  }

  /** The one that waits, if it can be this run's: the caller's from now on. */
  take(launch: Launch): ReadyShim | undefined {
    if (this.#ready?.suits(launch.env.shared) !== true || !isTellable(launch)) return undefined
    const ready = this.#ready
    this.#ready = undefined
    this.#isUsed = true
    return ready
  }

  /** None waits any more, from now on; resolves when it is gone. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#dismiss()
    await this.#gone
  }

  #renew(environment: () => Shared): void {
    const { lock, spares } = this.#at
    if (lock.isRemoved()) return
    try {
      this.#replace(environment())
    } catch {
      // Without one, each start makes its own shim, and says what is wrong.
    }
    spares.refill()
    // One waits through a collection or two: V8 would give hundreds of restarts a young generation of 32 MB.
    if (this.#isUsed) keepYoungGenerationSmall()
  }

  #replace(env: Shared): void {
    if (this.#ready?.suits(env) === true) return
    this.#dismiss()
    const { cwd, spares, state } = this.#at
    if (processRoom() < ROOM || !canWait(env)) return
    const { ready: life, orders } = state
    for (const path of [life, orders]) removeIfThere(path)
    spares.provide([life, orders])
    this.#ready = ReadyShim.start({ life, orders, cwd, env })
  }

  #dismiss(): void {
    if (this.#ready !== undefined) this.#gone = Promise.all([this.#gone, this.#ready.close()])
    this.#ready = undefined
  }
}
