import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextDisturbance } from '../../src/core/disturbance.ts'
import { processId } from '../../src/core/names.ts'
import type { ProcessId } from '../../src/core/names.ts'
import { typeOf } from '../../src/core/readiness.ts'
import { randomOf } from '../../src/core/seeded.ts'

const ids = (counts: Readonly<Record<string, number>>): ProcessId[] =>
  Object.entries(counts).flatMap(([type, count]) =>
    Array.from({ length: count }, (_, index) => processId(type, index + 1)),
  )

/** The first so many replacements of a proof. */
function order(seed: number, all: readonly ProcessId[], length: number): ProcessId[] {
  const random = randomOf(seed)
  const replaced = new Map<ProcessId, number>()
  return Array.from({ length }, () => {
    const { id } = nextDisturbance(all, replaced, random) ?? { id: processId('none', 1) }
    replaced.set(id, (replaced.get(id) ?? 0) + 1)
    return id
  })
}

const formation = fc.dictionary(
  fc.constantFrom('web', 'worker', 'clock', 'mailer'),
  fc.integer({ min: 1, max: 12 }),
  {
    minKeys: 1,
  },
)
const seeds = fc.integer({ min: 0, max: 999_999_999 })

test('the same seed gives the same order, in whichever order the processes are told', () => {
  fc.assert(
    fc.property(seeds, formation, (seed, counts) => {
      const all = ids(counts)
      expect(order(seed, all.toReversed(), 30)).toEqual(order(seed, all, 30))
    }),
  )
})

test('other seeds give other orders', () => {
  const orders = Array.from({ length: 20 }, (_, seed) =>
    order(seed, ids({ web: 3, worker: 2 }), 12).join(' '),
  )
  expect(new Set(orders).size).toBe(20)
})

test('of a type nobody has a turn more than another one had', () => {
  fc.assert(
    fc.property(seeds, formation, fc.integer({ min: 1, max: 60 }), (seed, counts, length) => {
      const turns = new Map<ProcessId, number>()
      for (const id of order(seed, ids(counts), length)) turns.set(id, (turns.get(id) ?? 0) + 1)
      for (const [type, count] of Object.entries(counts)) {
        const had = ids({ [type]: count }).map((id) => turns.get(id) ?? 0)
        expect(Math.max(...had) - Math.min(...had)).toBeLessThanOrEqual(1)
      }
    }),
  )
})

test('every type has its turns, and a pause comes before each', () => {
  const all = ids({ web: 2, worker: 2, clock: 1 })
  expect(new Set(order(4181, all, 40).map(typeOf))).toEqual(new Set(['web', 'worker', 'clock']))
  const random = randomOf(1)
  for (let turn = 0; turn < 100; turn += 1) {
    const pauseMs = nextDisturbance(all, new Map(), random)?.pauseMs ?? 0
    expect(pauseMs >= 150 && pauseMs <= 600, String(pauseMs)).toBe(true)
  }
})

test('every type has as many turns, however few there are of it', () => {
  const clocks = order(4181, ids({ web: 9, clock: 1 }), 200).filter((id) => typeOf(id) === 'clock')
  expect(clocks.length).toBeGreaterThan(70)
  expect(clocks.length).toBeLessThan(130)
})

test('of no processes none is chosen', () => {
  expect(nextDisturbance([], new Map(), randomOf(1))).toBeUndefined()
})
