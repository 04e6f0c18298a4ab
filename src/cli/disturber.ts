import { setTimeout as sleep } from 'node:timers/promises'
import { nextDisturbance } from '../core/disturbance.ts'
import type { ProcessId } from '../core/names.ts'
import { isReady, typeOf } from '../core/readiness.ts'
import type { Random } from '../core/seeded.ts'
import { bootNow } from '../runtime/clock.ts'
import type { Fixture } from './fixture.ts'

const LOOK_AGAIN_MS = 20
/** How long the chosen one's type may take to be all ready, ms, before another one is chosen. */
const WHOLE_WITHIN_MS = 10_000

/** Replaces the processes of a formation all the time, in an order that its random numbers decide. */
export class Disturber {
  readonly #fixture: Fixture
  readonly #random: Random
  readonly #types: readonly string[]
  readonly #replaced = new Map<ProcessId, number>()
  readonly #order: ProcessId[] = []
  #isOver = false
  #done: Promise<void> = Promise.resolve()

  constructor(fixture: Fixture, random: Random, types: readonly string[]) {
    this.#fixture = fixture
    this.#random = random
    this.#types = types
  }

  /** What was replaced, one after the other. */
  get order(): readonly ProcessId[] {
    return this.#order
  }

  /** Whether every process was replaced at least once. */
  get hasMetAll(): boolean {
    return this.#running().every((id) => this.#replaced.has(id))
  }

  start(): void {
    this.#done = this.#work()
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#done
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      const next = nextDisturbance(this.#running(), this.#replaced, this.#random)
      await sleep(next?.pauseMs ?? LOOK_AGAIN_MS)
      if (next === undefined || !(await this.#isWhole(typeOf(next.id)))) continue
      const reply = this.#fixture.apply({ do: 'restart', targets: [next.id] })
      if (!reply.ok) continue
      this.#replaced.set(next.id, (this.#replaced.get(next.id) ?? 0) + 1)
      this.#order.push(next.id)
    }
  }

  /** Waits until every process of a type is ready, so that there is always another one to serve. */
  async #isWhole(type: string): Promise<boolean> {
    const until = performance.now() + WHOLE_WITHIN_MS
    while (!this.#isOver && performance.now() < until) {
      const observed = this.#fixture.observed()
      const now = bootNow()
      const ids = this.#running().filter((id) => typeOf(id) === type)
      if (ids.every((id) => isReady(observed.get(id), now))) return ids.length > 0
      await sleep(LOOK_AGAIN_MS)
    }
    return false
  }

  /** Those that are not at their end for good. */
  #running(): ProcessId[] {
    return [...this.#fixture.observed()].flatMap(([id, { phase }]) =>
      this.#types.includes(typeOf(id)) && phase !== 'exited' && phase !== 'crashed' ? [id] : [],
    )
  }
}
