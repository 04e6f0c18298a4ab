import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessId } from '../core/names.ts'
import { isReady, typeOf } from '../core/readiness.ts'
import { pick } from '../core/seeded.ts'
import type { Random } from '../core/seeded.ts'
import { bootNow } from '../runtime/clock.ts'
import type { Fixture } from './fixture.ts'

/** Between two replacements, ms: short enough for the tests to meet them, long enough for the app to serve. */
const SHORTEST_MS = 150
const LONGEST_MS = 600

/** Replaces the processes of a formation all the time, in an order that its random numbers decide. */
export class Disturber {
  readonly #fixture: Fixture
  readonly #random: Random
  readonly #types: readonly string[]
  readonly #replaced = new Map<ProcessId, number>()
  #isOver = false
  #done: Promise<void> = Promise.resolve()

  constructor(fixture: Fixture, random: Random, types: readonly string[]) {
    this.#fixture = fixture
    this.#random = random
    this.#types = types
  }

  /** How often a process was replaced, all together. */
  get count(): number {
    return [...this.#replaced.values()].reduce((sum, one) => sum + one, 0)
  }

  /** Whether every process was replaced at least once. */
  get hasMetAll(): boolean {
    return this.#all().every((id) => this.#replaced.has(id))
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
      await sleep(SHORTEST_MS + this.#random() * (LONGEST_MS - SHORTEST_MS))
      const id = this.#isOver ? undefined : this.#victim()
      if (id === undefined) continue
      const reply = this.#fixture.apply({ do: 'restart', targets: [id] })
      if (reply.ok) this.#replaced.set(id, (this.#replaced.get(id) ?? 0) + 1)
    }
  }

  /** One of a type that is all ready, those before others that have not had their turn. */
  #victim(): ProcessId | undefined {
    const observed = this.#fixture.observed()
    const now = bootNow()
    const whole = this.#types.filter((type) => this.#of(type).every((id) => isReady(observed.get(id), now)))
    const type = pick(whole, this.#random)
    const ids = type === undefined ? [] : this.#of(type)
    const fewest = Math.min(...ids.map((id) => this.#replaced.get(id) ?? 0))
    return pick(
      ids.filter((id) => (this.#replaced.get(id) ?? 0) === fewest),
      this.#random,
    )
  }

  #all(): ProcessId[] {
    return this.#types.flatMap((type) => this.#of(type))
  }

  #of(type: string): ProcessId[] {
    return [...this.#fixture.observed().keys()].filter((id) => typeOf(id) === type)
  }
}
