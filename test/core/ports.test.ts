import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expand } from '../../src/core/expand.ts'
import { assignPorts } from '../../src/core/ports.ts'

const TYPES = ['web', 'worker', 'clock']

function assign(counts: Record<string, number>, base = 5000, step = 100) {
  return assignPorts(TYPES, new Map(Object.entries(counts)), { base, step })
}

test('a type begins a step after the one before it in the file, run or not', () => {
  expect([...assign({ clock: 1 }).ports]).toEqual([
    ['web', 5000],
    ['worker', 5100],
    ['clock', 5200],
  ])
})

describe('ranges that cannot be', () => {
  test.each<[string, Record<string, number>, number, number, string[]]>([
    [
      'two types that share a port',
      { web: 101, worker: 1 },
      5000,
      100,
      [
        'the ports of "web" (5000 to 5100) and "worker" (5100 to 5100) overlap / move them apart with --port-step 101, or run fewer of "web"',
      ],
    ],
    ['not where the neighbour does not run', { web: 101, clock: 1 }, 5000, 100, []],
    [
      'a range that reaches over its neighbour',
      { web: 201, clock: 1 },
      5000,
      100,
      [
        'the ports of "web" (5000 to 5200) and "clock" (5200 to 5200) overlap / move them apart with --port-step 101, or run fewer of "web"',
      ],
    ],
    [
      'a port above the last',
      { web: 3 },
      65534,
      100,
      [
        'web.3 would get port 65536; ports are 1 to 65535 / choose a lower --port, a smaller --port-step, or fewer processes',
      ],
    ],
    [
      'a type above the last port',
      { clock: 2 },
      65400,
      100,
      [
        'clock.1 would get port 65600; ports are 1 to 65535 / choose a lower --port, a smaller --port-step, or fewer processes',
      ],
    ],
    ['the last port is a port', { web: 2 }, 65534, 100, []],
  ])('%s', (_, counts, ...[base, step, expected]) => {
    const { problems } = assign(counts, base, step)
    expect(problems.map(({ message, hint }) => `${message} / ${hint}`)).toEqual(expected)
  })
})

test('no two processes share a port, or it is said, and the step that is advised is enough', () => {
  const count = fc.integer({ min: 0, max: 40 })
  const counts = fc.record({ web: count, worker: count, clock: count })
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 60 }), (wanted, step) => {
      const check = (by: number) => {
        const { ports, problems } = assign(wanted, 5000, by)
        const types = TYPES.map((name, index) => ({ name, command: 'x', line: index + 1 }))
        const all = expand(types, new Map(Object.entries(wanted)), ports).map(({ port }) => port)
        expect(new Set(all).size === all.length).toBe(problems.length === 0)
        return problems
      }
      const [problem] = check(step)
      const advised = /--port-step (\d+)/.exec(problem?.hint ?? '')?.[1]
      return advised === undefined || check(Number(advised)).length === 0
    }),
  )
})
