import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newestEnds } from '../../src/core/history.ts'
import type { End } from '../../src/core/process.ts'

function end(run: number, generation: number): End {
  return {
    run,
    generation,
    exit: { kind: 'code', code: 1 },
    startedAt: run * 10,
    endedAt: run * 10 + 5,
    asked: false,
    jitter: 0.5,
  }
}

/** As appendEnd writes them. */
function written(ends: readonly End[]): string {
  return ends.map((one) => `\n${JSON.stringify(one)}\n`).join('')
}

test.each<[string, [number, number][], number, number[]]>([
  ['nothing', [], 1, []],
  ['one of long ago, whose run is not on disk', [[1, 1]], Infinity, [1]],
  [
    'all of one generation',
    [
      [1, 3],
      [2, 3],
      [3, 3],
    ],
    Infinity,
    [1, 2, 3],
  ],
  [
    'of earlier generations what is on disk',
    [
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ],
    3,
    [3, 4],
  ],
  [
    'of the newest generation also what is not',
    [
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 2],
    ],
    4,
    [2, 3, 4],
  ],
  [
    'the one on disk before refused ones of another generation',
    [
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 2],
    ],
    2,
    [2, 3, 4],
  ],
])('of a history is read: %s', (_, ends, from, runs) => {
  const history = written(ends.map(([run, generation]) => end(run, generation)))
  expect(newestEnds(history, from)).toEqual(
    runs.map((run) => end(run, ends.find(([one]) => one === run)?.[1] ?? 0)),
  )
})

test('lines that are none are passed over, and the last one counts also where it was cut off', () => {
  const history = `${written([end(1, 1), end(2, 2)])}\n{"run":3,"gener\n${JSON.stringify(end(3, 2))}`
  expect(newestEnds(history, Infinity)).toEqual([end(2, 2), end(3, 2)])
})

test('whatever the history, what is left out is older than the newest generation and what is on disk', () => {
  const rises = fc.array(fc.boolean(), { maxLength: 30 })
  fc.assert(
    fc.property(rises, fc.integer({ min: 1, max: 31 }), (raised, from) => {
      let generation = 1
      const ends = raised.map((isRaised, index) => end(index + 1, (generation += Number(isRaised))))
      const kept = newestEnds(written(ends), from)
      expect(kept).toEqual(ends.slice(ends.length - kept.length))
      const left = ends.slice(0, ends.length - kept.length)
      expect(left.some((one) => one.run >= from || one.generation === generation)).toBe(false)
      const [oldest] = kept
      expect(kept.length < 2 || oldest!.run >= from || oldest!.generation === generation).toBe(true)
    }),
  )
})
