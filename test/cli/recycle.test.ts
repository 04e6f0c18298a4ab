import { describe, expect } from 'vitest'
import type { ProcessId } from '../../src/core/names.ts'
import { isReady } from '../../src/core/readiness.ts'
import { bootNow } from '../../src/runtime/clock.ts'
import { killSupervisor, pids, running, seen } from '../support/control.ts'
import { until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { plantedApp } from '../support/prove.ts'
import { requires } from '../support/requirement.ts'

const test = requires('linux')
const CLEAN = 'web: node clean.js\nclock: node clean.js\n'
/** The ports of web are the first three, that of clock is the eleventh, and the last one is that of the router. */
const BASE = ['-p', String(portAt(0)), '--port-step', '10'] as const
const ROUTER = ['--router', String(portAt(15))] as const
const WEBS = ['web.1', 'web.2', 'web.3'] as const

describe('--recycle', () => {
  test.for([
    ['without a router', []],
    ['behind the router', ROUTER],
  ] as const)('%s: one by one, never all of a type, and it says why', async ([, router]) => {
    const app = plantedApp(CLEAN)
    const run = app.start([...BASE, ...router, '--formation', 'web=3', '--recycle', '2s'])
    await allReady(app)
    const first = pids(app)
    await until('all to be replaced', () => {
      expect(unready(app, WEBS).length, run.output()).toBeLessThanOrEqual(1)
      return areReplaced(app, first, [...WEBS, 'clock.1'])
    })
    expect(pids(app)['router.1']).toBe(first['router.1'])
    for (const id of [...WEBS, 'clock.1'])
      expect(run.output()).toMatch(
        new RegExp(`system +\\| replacing (?:\\S+, )?${id}(?:, \\S+)?: up for about 2 s \\(--recycle\\)`),
      )
    await stopped(run)
  })

  test('goes on when the supervisor was killed with -9', async () => {
    const app = plantedApp(CLEAN)
    const args = [...BASE, '--formation', 'web=3', '--recycle', '2s']
    const run = app.start(args)
    await allReady(app)
    const first = pids(app)
    await killSupervisor(app)
    await run.ended
    const next = app.start(args)
    await until('all to be replaced', () => {
      expect(unready(app, WEBS).length, next.output()).toBeLessThanOrEqual(1)
      return areReplaced(app, first, WEBS)
    })
    await stopped(next)
  })

  test('what is no time is an error', async () => {
    const { code, stderr } = await plantedApp(CLEAN).cli(['start', '--recycle', 'often'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/--recycle: "often" is not /)
  })
})

describe('--max', () => {
  test('a formation with more is an error that says why', async () => {
    const { code, stderr } = await plantedApp(CLEAN).cli([
      'start',
      '--max',
      'clock=1',
      '--formation',
      'clock=2',
    ])
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /clock=2: --max allows 1 of it, since more would do its work twice\n {2}hint: write clock=1\n/,
    )
  })

  test('the one who said it is named, with what is wrong with it too', async () => {
    const app = plantedApp(CLEAN)
    const typed = await app.cli(['start', '--max', 'clk=1'])
    expect([typed.code, typed.stderr]).toEqual([
      2,
      expect.stringContaining('tw-run: --max: unknown process type "clk"\n  hint: did you mean "clock"?'),
    ])
    const said = await app.cli(['check', '-m', 'clock=2'], { TW_RUN_MAX: 'clock=1' })
    expect([said.code, said.stderr]).toEqual([
      2,
      expect.stringContaining('clock=2: TW_RUN_MAX in the shell allows 1 of it'),
    ])
  })

  test('and so is scaling to more, or one more, while it runs', async () => {
    const app = plantedApp(CLEAN)
    const run = app.start([...BASE, '--max', 'clock=1'])
    await running(app, 'web.1', 'clock.1')
    for (const change of ['clock=2', 'clock+1', 'all=2']) {
      const { code, stderr } = await app.cli(['scale', change])
      expect(code, change).toBe(2)
      expect(stderr, change).toMatch(/clock=2: --max allows 1 of it, since more would do its work twice\n/)
    }
    expect(Object.keys(pids(app)).toSorted()).toEqual(['clock.1', 'web.1'])
    await stopped(run)
  })
})

async function allReady(app: LiveApp): Promise<void> {
  await until('all to be ready', () => unready(app, [...WEBS, 'clock.1']).length === 0)
}

/** Those of them that do not do their work now. */
function unready(app: LiveApp, ids: readonly string[]): string[] {
  const { observed } = seen(app)
  const now = bootNow()
  return ids.filter((id) => !isReady(observed.get(id as ProcessId), now))
}

function areReplaced(app: LiveApp, first: Readonly<Record<string, number>>, ids: readonly string[]): boolean {
  const now = pids(app)
  return ids.every((id) => now[id] !== undefined && now[id] !== first[id])
}

async function stopped(run: LiveRun): Promise<void> {
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
}
