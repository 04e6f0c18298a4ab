import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Run } from '../../src/core/process.ts'
import { LogKeeper } from '../../src/runtime/log-keeper.ts'
import { readTimes } from '../../src/runtime/run-log.ts'
import { filesOf } from '../support/control.ts'
import { requires } from '../support/requirement.ts'
import { runOf } from '../support/runs.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tw-run-keeper-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const folderOf = ({ id }: Run): string => join(root, id)
const logOf = (run: Run): string => join(folderOf(run), 'log')

/** web.1 and web.2, whose logs are empty. */
function two(): [Run, Run] {
  const runs: [Run, Run] = [runOf({ id: 'web.1', token: 'a' }), runOf({ id: 'web.2', token: 'b' })]
  for (const run of runs) {
    mkdirSync(folderOf(run))
    writeFileSync(logOf(run), '')
  }
  return runs
}

/** Each look is a second after the one before, and gives the ids of those that have grown. */
function keeper(mostQuiet = 2): (...runs: Run[]) => string[] {
  let now = 0
  let grown: string[] = []
  const logs = new LogKeeper({
    directoryOf: folderOf,
    bounds: true,
    mostQuiet,
    grew: ({ id }) => grown.push(id),
    trouble: (message) => expect.fail(message),
  })
  return (...runs) => {
    grown = []
    logs.look(runs, (now += 1_000))
    return grown
  }
}

/** How many descriptors this process has of a log. */
function held(run: Run): number {
  return filesOf(process.pid).filter((path) => path === logOf(run)).length
}

test('a log that grows is told and noted, however long it was quiet', () => {
  const [a, b] = two()
  const look = keeper()
  expect([look(a, b), look(a, b), look(a, b)]).toEqual([[], [], []])
  appendFileSync(logOf(a), '1234\n')
  expect([look(a, b), look(a, b), look(a, b)]).toEqual([['web.1'], [], []])
  appendFileSync(logOf(a), '6')
  appendFileSync(logOf(b), '1\n')
  expect([look(a, b), look(a, b)]).toEqual([['web.1', 'web.2'], []])
  expect(readTimes(folderOf(a)).map(({ length }) => length)).toEqual([5, 6])
  expect(readTimes(folderOf(b)).map(({ length }) => length)).toEqual([2])
})

test('a log that somebody removes or shortens costs nothing but its notes', () => {
  const [a, b] = two()
  const look = keeper()
  for (const run of [a, b]) appendFileSync(logOf(run), '1234\n')
  expect([look(a, b), look(a, b)]).toEqual([['web.1', 'web.2'], []])
  rmSync(logOf(a))
  writeFileSync(logOf(b), '')
  expect([look(a, b), look(a, b)]).toEqual([[], []])
  appendFileSync(logOf(b), '1234567\n')
  expect([look(a, b), look(a, b)]).toEqual([['web.2'], []])
})

requires('linux')('a log is open while it is quiet and its run goes on', () => {
  const [a, b] = two()
  const look = keeper()
  appendFileSync(logOf(a), '1\n')
  look(a, b)
  expect([held(a), held(b)]).toEqual([0, 1])
  look(a, b)
  expect([held(a), held(b)]).toEqual([1, 1])
  look(b)
  expect([held(a), held(b)]).toEqual([0, 1])
  look()
  expect([held(a), held(b)]).toEqual([0, 0])
})

requires('linux')('no more descriptors are spent on quiet logs than are there for them', () => {
  const [a, b] = two()
  const look = keeper(1)
  expect([look(a, b), look(a, b), held(a), held(b)]).toEqual([[], [], 1, 0])
  expect([look(b), look(b), held(a), held(b)]).toEqual([[], [], 0, 1])
  appendFileSync(logOf(a), '1\n')
  appendFileSync(logOf(b), '1\n')
  expect(look(a, b)).toEqual(['web.1', 'web.2'])
})

test('one that can no more be read is nothing to the others', () => {
  const [a, b] = two()
  const look = keeper()
  look(a, b)
  rmSync(logOf(a))
  mkdirSync(logOf(a))
  for (let time = 1; time <= 4; time += 1) {
    appendFileSync(logOf(b), '1\n')
    expect(look(a, b)).toContain('web.2')
  }
  expect(readTimes(folderOf(b)).map(({ length }) => length)).toEqual([2, 4, 6, 8])
})

requires('linux')('a FIFO in the place of one is not waited for', () => {
  const [a, b] = two()
  const look = keeper()
  rmSync(logOf(a))
  execFileSync('mkfifo', [logOf(a)])
  look(a, b)
  appendFileSync(logOf(b), '1\n')
  expect(look(a, b)).toEqual(['web.2'])
})
