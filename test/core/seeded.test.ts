import { expect, test } from 'vitest'
import { pick, randomOf } from '../../src/core/seeded.ts'

test('a seed that somebody noted gives the same numbers in every version', () => {
  const numbers = (seed: number): number[] => {
    const random = randomOf(seed)
    return Array.from({ length: 3 }, () => Math.floor(random() * 2 ** 32))
  }
  expect(numbers(1)).toEqual([2_693_262_067, 11_749_833, 2_265_367_787])
  expect(numbers(4181)).toEqual([2_544_254_298, 759_692_893, 4_224_469_479])
})

test('one of several is picked, and none of none', () => {
  expect([0, 0.34, 0.99].map((number) => pick(['a', 'b', 'c'], () => number))).toEqual(['a', 'b', 'c'])
  expect(pick([], () => 0)).toBeUndefined()
})
