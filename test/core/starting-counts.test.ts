import { describe, expect, test } from 'vitest'
import { formatFormation } from '../../src/core/formation.ts'
import { startingCounts } from '../../src/core/starting-counts.ts'

const TYPES = ['release', 'web', 'worker', 'clock']

function start(
  formation: string,
  only: string[] = [],
  except: string[] = [],
  quantities?: Record<string, number>,
) {
  const asked = { formation: { text: formation, from: '--formation' }, only, except }
  return startingCounts(asked, TYPES, quantities)
}

describe('how many of each type a start runs', () => {
  test.each([
    ['one of each, and no stage', '', [], [], 'web=1,worker=1,clock=1'],
    ['a type not named runs once', 'web=3', [], [], 'web=3,worker=1,clock=1'],
    ['all stands for those not named', 'web=3,all=0', [], [], 'web=3,worker=0,clock=0'],
    ['only the types that were named as words', '', ['web', 'clock'], [], 'web=1,worker=0,clock=1'],
    ['with their counts', 'web=2,worker=5', ['web'], [], 'web=2,worker=0,clock=0'],
    ['all but those left out', 'web=2', [], ['clock', 'web'], 'web=0,worker=1,clock=0'],
    ['leaving out wins over naming', '', ['web', 'worker'], ['web'], 'web=0,worker=1,clock=0'],
    ['a stage may be left out', '', [], ['release'], 'web=1,worker=1,clock=1'],
  ])('%s', (_, formation, ...[only, except, expected]) => {
    const { counts, problems } = start(formation, only, except)
    expect(problems).toEqual([])
    expect(formatFormation(counts)).toBe(expected)
    expect(counts.get('release')).toBe(0)
  })
})

describe('where app.json says how many', () => {
  const quantities = { web: 2, worker: 0, release: 5 }

  test.each([
    ['that is how many there are, and 1 of what it does not name', '', [], 'web=2,worker=0,clock=1'],
    ['what is asked for is stronger', 'web=3', [], 'web=3,worker=0,clock=1'],
    ['what is named as a word does run', '', ['web', 'worker'], 'web=2,worker=1,clock=0'],
  ])('%s', (_, formation, only, expected) => {
    const { counts } = start(formation, only, [], quantities)
    expect(formatFormation(counts)).toBe(expected)
    expect(counts.get('release')).toBe(0)
  })

  test('a type may have a name that every object has', () => {
    const asked = { formation: { text: '', from: '' }, only: [], except: [] }
    expect([...startingCounts(asked, ['constructor'], {}).counts]).toEqual([['constructor', 1]])
  })
})

test('each wrong name says which option holds it', () => {
  const { problems } = start('wbe=1', ['wroker', 'release', 'web=3'], ['clok'])
  expect(problems.map(({ message, hint }) => `${message} / ${hint}`)).toEqual([
    '--formation: unknown process type "wbe" / did you mean "web"? (process types: web, worker, clock)',
    'unknown process type "wroker" / did you mean "worker"? (process types: web, worker, clock)',
    '"release" is a stage: it runs to completion and is never part of the formation / run it with: tw-run run release',
    '"web=3" is a formation / write --formation web=3',
    '--except: unknown process type "clok" / did you mean "clock"? (process types: web, worker, clock)',
  ])
})

test('a change is no way to start', () => {
  expect(start('web+2').problems).toEqual([
    {
      message: '--formation: "web+2" changes a formation that runs, and this one is yet to start',
      hint: 'write web=3',
    },
  ])
  expect(start('web+2').counts.get('web')).toBe(1)
  expect(start('web-1').problems).toMatchObject([{ hint: 'write web=0' }])
  expect(start('web-3').problems).toMatchObject([{ hint: 'write web=0' }])
  expect(start('web-0').problems).toMatchObject([{ hint: 'write web=1' }])
})
