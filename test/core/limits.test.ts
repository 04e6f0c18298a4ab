import { describe, expect, test } from 'vitest'
import { limitProblems } from '../../src/core/edit.ts'
import { limitsFrom } from '../../src/core/limits.ts'
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

describe('what --max says', () => {
  const limits = (text: string, from = '--max') => limitsFrom({ text, from }, ['web', 'clock', 'release'])

  test('is a limit of each type that it names, with all of every other one', () => {
    expect([...limits('clock=1').limits]).toEqual([['clock', 1]])
    expect([...limits('all=3 clock=1').limits]).toEqual([
      ['web', 3],
      ['clock', 1],
    ])
    expect(limits('clock=1').problems).toEqual([])
  })

  test.each([
    [
      'clk=1',
      '--max',
      '--max: unknown process type "clk"',
      'did you mean "clock"? (process types: web, clock)',
    ],
    ['clk=1', 'TW_RUN_MAX in .env', 'TW_RUN_MAX in .env: unknown process type "clk"', 'did you mean'],
    ['clock', '--max', '--max: "clock" has no count', 'write clock=2'],
    ['clock+1', '--max', '--max: "clock+1" is no limit', 'write clock=1'],
  ])('that is none says where it was said: %s %s', (text, from, message, hint) => {
    const { problems } = limits(text, from)
    expect(problems).toEqual([{ message, hint: expect.stringContaining(hint) as string }])
  })
})
