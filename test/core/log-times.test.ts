import { expect, test } from 'vitest'
import { timeOf } from '../../src/core/log-times.ts'

/** How long the log was, and when. */
const NOTES = [
  [10, 1_000],
  [20, 2_000],
  [20, 3_000],
  [50, 4_000],
  [51, 5_000],
].map(([length = 0, time = 0]) => ({ length, time }))

test.each([
  [0, 1_000],
  [9, 1_000],
  [10, 2_000],
  [19, 2_000],
  [20, 4_000],
  [49, 4_000],
  [50, 5_000],
  [51, 9_000],
  [1e9, 9_000],
])('the byte at %i was written at %i at the latest', (offset, time) => {
  expect(timeOf(offset, NOTES, 9_000)).toBe(time)
})

test('whatever nobody noted was written at the latest time', () => {
  expect(timeOf(0, [], 9_000)).toBe(9_000)
})
