import { expect, test } from 'vitest'
import { limitProblems } from '../../src/core/edit.ts'
import type { Limit } from '../../src/core/rules.ts'

const LIMITS: Readonly<Record<string, Limit>> = {
  clock: { count: 1, from: '--max' },
  worker: { count: 4, from: 'app.json' },
}

test('no more of a type than there may be, and who says so', () => {
  const problems = (counts: Record<string, number>) => limitProblems(counts, (type) => LIMITS[type])
  expect(problems({ clock: 1, worker: 4, web: 99 })).toEqual([])
  expect(problems({ clock: 2, worker: 5 })).toEqual([
    { message: expect.stringMatching(/^clock=2: --max allows 1 of it/) as string, hint: 'write clock=1' },
    {
      message: expect.stringMatching(/^worker=5: app\.json allows 4 of it/) as string,
      hint: 'write worker=4',
    },
  ])
})
