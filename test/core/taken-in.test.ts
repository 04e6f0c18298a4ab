import { expect, test } from 'vitest'
import { expand } from '../../src/core/expand.ts'
import type { Run } from '../../src/core/process.ts'
import { describeTakenIn, editedIn } from '../../src/core/taken-in.ts'
import { runOf } from '../support/runs.ts'

const PORTS = new Map([
  ['web', 5000],
  ['worker', 5100],
])
const COUNTS = { web: 2, worker: 1 }
const PLANS = expand(
  Object.keys(COUNTS).map((name) => ({ name, command: `./${name}`, line: 1 })),
  new Map(Object.entries(COUNTS)),
  PORTS,
)
const AS_PLANNED = PLANS.map(({ id, command, port }) => runOf({ id, command, port }))
const STOP = { signal: 'SIGTERM', killAt: 5_000 }

/** The runs as they are planned, but for some. */
function but(changes: Readonly<Record<string, Partial<Run>>>): Run[] {
  return AS_PLANNED.map((run) => ({ ...run, ...changes[run.id] }))
}

test.each<[string, readonly Run[], readonly string[], readonly string[]]>([
  ['nothing, where all is as before', AS_PLANNED, [], []],
  ['nothing, where nothing runs', [], [], []],
  [
    'a command',
    but({ 'web.1': { command: './old' }, 'web.2': { command: './old' } }),
    ['web.1', 'web.2'],
    ['web: command changed'],
  ],
  ['a command of what has ended by itself', but({ 'web.1': { command: './old', life: 'dead' } }), [], []],
  [
    'ports, once for a type',
    but({ 'web.1': { port: 6000 }, 'web.2': { port: 6001 } }),
    ['web.1', 'web.2'],
    ['web: port 6000 -> 5000'],
  ],
  [
    'both',
    but({ 'worker.1': { command: './old', port: 5200 } }),
    ['worker.1'],
    ['worker: command changed', 'worker: port 5200 -> 5100'],
  ],
  [
    'a type that is gone',
    [...AS_PLANNED, runOf({ id: 'jobs.1' }), runOf({ id: 'jobs.2' })],
    [],
    ['jobs: gone'],
  ],
  [
    'what was not asked for again',
    [...AS_PLANNED, runOf({ id: 'web.3' }), runOf({ id: 'worker.2' })],
    [],
    ['stopping web.3, worker.2'],
  ],
  ['nothing of what is being stopped already', [...AS_PLANNED, runOf({ id: 'jobs.1', stop: STOP })], [], []],
])('a start that carries on changes %s', (_, runs, replaced, lines) => {
  const found = { runs, plans: PLANS }
  expect(editedIn(found)).toEqual(replaced)
  expect(describeTakenIn({ counts: COUNTS }, found)).toEqual(lines)
})
