import { expect, test } from 'vitest'
import { expand, planOf } from '../../src/core/expand.ts'
import { assignPorts } from '../../src/core/ports.ts'

const TYPES = [
  { name: 'web', command: 'node web.js', line: 1 },
  { name: 'release', command: './migrate', line: 2 },
  { name: 'worker', command: 'node worker.js', line: 3 },
]
const COUNTS = new Map([
  ['worker', 2],
  ['web', 3],
  ['release', 0],
])
const { ports } = assignPorts(
  TYPES.map(({ name }) => name),
  COUNTS,
  { base: 5000, step: 100 },
)

test('a formation expands to processes in file order, each with its own port', () => {
  expect(expand(TYPES, COUNTS, ports).map(({ id, port, command }) => `${id} ${port} ${command}`)).toEqual([
    'web.1 5000 node web.js',
    'web.2 5001 node web.js',
    'web.3 5002 node web.js',
    'worker.1 5200 node worker.js',
    'worker.2 5201 node worker.js',
  ])
})

test('a type without a count, which came to the Procfile since, does not run', () => {
  expect(expand(TYPES, new Map([['web', 1]]), ports).map(({ id }) => id)).toEqual(['web.1'])
})

test('a stage has a port of its own, so that it can run beside the formation', () => {
  const [, release] = TYPES
  expect(release && planOf(release, 1, ports)).toMatchObject({ id: 'release.1', instance: 1, port: 5100 })
})

test('a type nobody gave a port to is a bug', () => {
  expect(() => planOf({ name: 'x', command: 'x', line: 1 }, 1, ports)).toThrow('no port')
})
