import { expect, test } from 'vitest'
import { planDescriptors } from '../../src/runtime/descriptors.ts'

test.each([
  ['of few', 230, 230, 0],
  ['of as many as a cautious system gives', 998, 998, 0],
  ['of many a sixteenth', 64_000, 60_000, 4_000],
  ['where nobody says how many there are', Infinity, Infinity, 0],
])('%s what is left for quiet logs is taken from no process', (_, all, ceiling, quietLogs) => {
  expect(planDescriptors(all)).toEqual({ ceiling, quietLogs })
})
