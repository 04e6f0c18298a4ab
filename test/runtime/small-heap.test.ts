import { expect, test } from 'vitest'
import { keepHeapSmall, oldGeneration } from '../../src/runtime/small-heap.ts'

/** More batches than go by between two looks. */
const BATCHES = 100
const MIB = 1024 * 1024

test('what a flood leaves behind is collected before there is much of it', () => {
  batches()
  const clean = oldGeneration()
  leave(100_000)
  const left = oldGeneration() - clean
  expect(left).toBeGreaterThan(3 * MIB)
  batches()
  expect(oldGeneration() - clean).toBeLessThan(left / 4)
})

function batches(): void {
  for (let n = 0; n < BATCHES; n += 1) keepHeapSmall()
}

/** So many objects that nobody needs any more once they are old. */
function leave(count: number): void {
  const needed = Array.from({ length: count }, (_, n) => ({ n, list: [n] }))
  // Short-lived ones, until those have outlived two collections of the young.
  for (let n = 0; n < 200_000; n += 1) needed[n % count] = { n, list: Array.from({ length: 20 }, () => n) }
  needed.length = 0
}
