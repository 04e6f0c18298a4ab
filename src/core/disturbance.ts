import type { ProcessId } from './names.ts'
import { typeOf } from './readiness.ts'
import { pick } from './seeded.ts'
import type { Random } from './seeded.ts'

/** Between two replacements, ms: short enough for the tests to meet them, long enough for the app to serve. */
const SHORTEST_MS = 150
const LONGEST_MS = 600

/** What is disturbed next. */
export interface Disturbance {
  readonly id: ProcessId
  /** How long everything is left alone before. */
  readonly pauseMs: number
}

/**
 * What is replaced next: any type, and of it one of those that had their turn least often. It follows from the random
 * numbers, the processes and what was replaced before, and not from how fast anything was: the same seed gives the
 * same order again. Undefined if there is no process.
 */
export function nextDisturbance(
  ids: readonly ProcessId[],
  replaced: ReadonlyMap<ProcessId, number>,
  random: Random,
): Disturbance | undefined {
  const pauseMs = SHORTEST_MS + random() * (LONGEST_MS - SHORTEST_MS)
  const type = pick([...new Set(ids.map(typeOf))].toSorted(), random)
  const ofType = ids.filter((id) => typeOf(id) === type).toSorted()
  const turns = (id: ProcessId): number => replaced.get(id) ?? 0
  const fewest = Math.min(...ofType.map(turns))
  const id = pick(
    ofType.filter((one) => turns(one) === fewest),
    random,
  )
  return id === undefined ? undefined : { id, pauseMs }
}
