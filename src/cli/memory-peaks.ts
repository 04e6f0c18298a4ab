import type { ProcessId } from '../core/names.ts'
import { memoryOfGroups } from '../runtime/process-table.ts'
import type { Fixture } from './fixture.ts'

const LOOK_EVERY_MS = 1_000

/** The most memory that each process of a formation was seen with, bytes, its descendants in its group included. */
export class MemoryPeaks {
  readonly #fixture: Fixture
  readonly #timer: NodeJS.Timeout
  readonly #peaks = new Map<ProcessId, number>()

  constructor(fixture: Fixture) {
    this.#fixture = fixture
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS)
  }

  get peaks(): ReadonlyMap<ProcessId, number> {
    return this.#peaks
  }

  /** Looks a last time. */
  stop(): void {
    clearInterval(this.#timer)
    this.look()
  }

  look(): void {
    const groups = new Map(
      [...this.#fixture.observed()].flatMap(([id, state]) =>
        'run' in state && state.run.life === 'alive' && state.run.pid !== undefined
          ? [[state.run.pid, id] as const]
          : [],
      ),
    )
    for (const [group, bytes] of memoryOfGroups(new Set(groups.keys()))) {
      const id = groups.get(group)
      if (id !== undefined) this.#peaks.set(id, Math.max(bytes, this.#peaks.get(id) ?? 0))
    }
  }
}
