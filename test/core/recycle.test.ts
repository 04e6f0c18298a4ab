import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { processId } from '../../src/core/names.ts'
import type { ProcessId } from '../../src/core/names.ts'
import type { ProcessState, Run, Want } from '../../src/core/process.ts'
import { typeOf } from '../../src/core/readiness.ts'
import { recycling } from '../../src/core/recycle.ts'
import { ROUTER } from '../../src/core/router.ts'

const EVERY = 10_000
/** Nothing of what is wanted counts here, but who. */
const wanted = (ids: readonly ProcessId[]): Map<ProcessId, Want> =>
  new Map(ids.map((id) => [id, {} as unknown as Want]))

function up(
  id: ProcessId,
  startedAt: number,
  token = '00000000',
  isOneReady = true,
): [ProcessId, ProcessState] {
  const health = isOneReady ? { readyAt: startedAt } : {}
  const run = { id, startedAt, token, isProbed: true, health } as unknown as Run
  return [id, { phase: 'up', run, pid: 1 }]
}

const [one, two, three] = [processId('web', 1), processId('web', 2), processId('web', 3)]
const clock = processId('clock', 1)

describe('who is replaced', () => {
  const look = (now: number, ...states: readonly [ProcessId, ProcessState][]): readonly ProcessId[] =>
    recycling(EVERY, wanted(states.map(([id]) => id)), new Map(states), now).due

  test('nobody before the time, then the oldest of each type', () => {
    const states = [up(one, 500), up(two, 0), up(three, 900), up(clock, 100)]
    expect(look(9_999, ...states)).toEqual([])
    expect(look(10_000, ...states)).toEqual([two])
    expect(look(20_000, ...states)).toEqual([two, clock])
  })

  test('nobody of a type as long as one of it is not ready', () => {
    expect(look(20_000, up(one, 0), up(two, 19_000, '00000000', false), up(clock, 0))).toEqual([clock])
    const gone: [ProcessId, ProcessState] = [two, { phase: 'absent' }]
    expect(look(20_000, up(one, 0), gone)).toEqual([])
  })

  test('a single one, too, and never the router', () => {
    expect(look(20_000, up(clock, 0), up(ROUTER, 0))).toEqual([clock])
  })
})

test('the time is up to a fifth shorter, by the token, and the same whoever looks', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.nat(100_000), (number, startedAt) => {
      const token = `${number.toString(16).padStart(8, '0')}89abcdef`
      const state = new Map([up(one, startedAt, token)])
      const { nextAt } = recycling(EVERY, wanted([one]), state, startedAt)
      expect(nextAt).toBeGreaterThan(startedAt + 0.8 * EVERY - 1e-6)
      expect(nextAt).toBeLessThanOrEqual(startedAt + EVERY)
      expect(recycling(EVERY, wanted([one]), state, startedAt + 1).nextAt).toBe(nextAt)
      expect(recycling(EVERY, wanted([one]), state, nextAt).due).toEqual([one])
    }),
  )
})

test.each([
  ['00000000', 10_000],
  ['80000000', 9_000],
  ['f0000000', 8_125],
])('with the token %s it is %i ms', (token, ms) => {
  expect(recycling(EVERY, wanted([one]), new Map([up(one, 500, token)]), 500).nextAt).toBe(500 + ms)
})

test('at most one of a type at a time', () => {
  const ids = fc.uniqueArray(fc.tuple(fc.constantFrom('web', 'worker'), fc.integer({ min: 1, max: 9 })), {
    selector: ([type, instance]) => `${type}.${instance}`,
  })
  fc.assert(
    fc.property(ids, fc.nat(50_000), (all, now) => {
      const states = all.map(([type, instance], index) => up(processId(type, instance), index * 700))
      const { due } = recycling(EVERY, wanted(states.map(([id]) => id)), new Map(states), now)
      expect(new Set(due.map(typeOf)).size).toBe(due.length)
    }),
  )
})
