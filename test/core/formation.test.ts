import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applySteps, formatFormation, MAX_COUNT, parseFormation } from '../../src/core/formation.ts'

const TYPES = ['web', 'worker', 'clock', 'my-job', 'release']

function parsed(text: string): string[] {
  return parseFormation(text, TYPES).steps.map(({ type, by, count }) => `${type}${by}${count}`)
}

function problems(text: string): string[] {
  return parseFormation(text, TYPES).problems.map(({ message, hint }) => `${message} / ${hint ?? ''}`)
}

describe('a formation is types with counts, with commas or blanks', () => {
  test.each([
    ['web=3,worker=2', ['web=3', 'worker=2']],
    ['web=3 worker=2', ['web=3', 'worker=2']],
    [' web=3 ,, worker=2,', ['web=3', 'worker=2']],
    ['all=0,web=1', ['all=0', 'web=1']],
    ['worker+1 clock-1', ['worker+1', 'clock-1']],
    ['my-job=2', ['my-job=2']],
    ['my-job-1', ['my-job-1']],
    ['web=007', ['web=7']],
    ['', []],
  ])('%j', (text, expected) => {
    expect(problems(text)).toEqual([])
    expect(parsed(text)).toEqual(expected)
  })
})

describe('every part that cannot be is named', () => {
  test.each([
    ['web=-1', '"web=-1": the count is no whole number from 0 to 9999 / write web=2'],
    ['web=1.5', '"web=1.5": the count is no whole number from 0 to 9999 / write web=2'],
    ['web=', '"web=": the count is no whole number from 0 to 9999 / write web=2'],
    ['web=x', '"web=x": the count is no whole number from 0 to 9999 / write web=2'],
    ['web', '"web" has no count / write web=2'],
    ['web=999999', '"web=999999": at most 9999 of one type / write web=2'],
    ['all', '"all" has no count / write all=2'],
    ['wbe', 'unknown process type "wbe" / did you mean "web"? (process types: web, worker, clock, my-job)'],
    ['web:3', '"web:3" is not "<type>=<count>" / write web=2,worker=1'],
    ['web.1=3', '"web.1=3" is not "<type>=<count>" / write web=2,worker=1'],
    ['=3', '"=3" is not "<type>=<count>" / write web=2,worker=1'],
    ['all+1', '"all+1": all is set, not changed / write all=N'],
    ['wbe=1', 'unknown process type "wbe" / did you mean "web"? (process types: web, worker, clock, my-job)'],
    [
      'WORKER=1',
      'unknown process type "WORKER" / did you mean "worker"? (process types: web, worker, clock, my-job)',
    ],
    ['zzzzzz=1', 'unknown process type "zzzzzz" / process types: web, worker, clock, my-job'],
    [
      'release=1',
      '"release" is a stage: it runs to completion and is never part of the formation / run it with: tw-run run release',
    ],
  ])('%j', (text, expected) => {
    expect(problems(text)).toEqual([expected])
  })

  test('all of them at once, beside the sound ones', () => {
    const { steps, problems: wrong } = parseFormation('web=1,wbe=2,clock=1.5,worker=2,web=4', TYPES)
    expect(steps).toHaveLength(2)
    expect(wrong.map(({ message }) => message)).toEqual([
      'unknown process type "wbe"',
      '"clock=1.5": the count is no whole number from 0 to 9999',
      '"web" is set twice, the second time by "web=4"',
    ])
  })
})

describe('steps change a formation', () => {
  const current = new Map([
    ['web', 2],
    ['worker', 1],
    ['release', 0],
  ])
  const after = (text: string) => applySteps(parseFormation(text, [...current.keys()]).steps, current)

  test.each([
    ['web=5', 'web=5,worker=1'],
    ['worker+2', 'web=2,worker=3'],
    ['web-2', 'web=0,worker=1'],
    ['all=4', 'web=4,worker=4'],
    ['all=0 worker+1', 'web=0,worker=2'],
  ])('%s', (text, expected) => {
    expect(formatFormation(after(text).counts)).toBe(expected)
  })

  test('a stage never runs, whatever all is', () => {
    expect(after('all=4').counts.get('release')).toBe(0)
  })

  test('fewer than none is an error', () => {
    expect(after('worker-2').problems).toEqual([{ message: '"worker-2": only 1 of it in the formation' }])
  })

  test('more than the most is an error', () => {
    expect(after(`web+${MAX_COUNT}`).problems).toEqual([{ message: '"web": at most 9999 of one type' }])
  })
})

test('what a formation prints can be fed back', () => {
  const count = fc.integer({ min: 0, max: MAX_COUNT })
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.constantFrom(...TYPES.slice(0, 4)), count), { selector: ([type]) => type }),
      (entries) => {
        const counts = new Map(entries)
        const { steps, problems: wrong } = parseFormation(formatFormation(counts), TYPES)
        expect(wrong).toEqual([])
        expect(new Map(steps.map((step) => [step.type, step.count]))).toEqual(counts)
      },
    ),
  )
})
