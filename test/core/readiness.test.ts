import { describe, expect, test } from 'vitest'
import { inVain, waitingFor } from '../../src/core/in-vain.ts'
import { isAsked, observe } from '../../src/core/observe.ts'
import { outcome } from '../../src/core/outcome.ts'
import type { Desired, Exit, Health, ProcessState, Run, Want } from '../../src/core/process.ts'
import { parseProcessId } from '../../src/core/names.ts'
import type { ProcessId } from '../../src/core/names.ts'
import { awaitedBy } from '../../src/core/readiness.ts'
import { reconcile } from '../../src/core/reconcile.ts'
import { ROUTER } from '../../src/core/router.ts'
import type { Dependency } from '../../src/core/rules.ts'
import type { Session } from '../../src/core/session.ts'
import { runOf } from '../support/runs.ts'

const NOW = 100_000

function probed(id: ProcessId, change: Partial<Run> = {}): Run {
  return runOf({ id, startedAt: NOW - 10_000, isProbed: true, ...change })
}

function up(id: ProcessId, health: Health, change: Partial<Run> = {}): ProcessState {
  return { phase: 'up', run: probed(id, { health, ...change }), pid: 100 }
}

function over(id: ProcessId, exit: Exit, phase: 'exited' | 'crashed' = 'exited'): ProcessState {
  return { phase, run: probed(id, { life: 'dead', done: true, exit }), exit, endedAt: NOW - 1 }
}

let port = 5_000

function want(id: ProcessId, ...dependsOn: readonly Dependency[]): [ProcessId, Want] {
  const { type = '', instance = 0 } = parseProcessId(id) ?? {}
  const plan = { id, type, instance, port: (port += 1), command: 'x' }
  return [id, { plan, generation: 1, policy: { when: 'on-failure' }, dependsOn }]
}

const ON_DB: Dependency = { type: 'db', until: 'ready' }
const AFTER_MIGRATE: Dependency = { type: 'migrate', until: 'completed' }
const OK: Exit = { kind: 'code', code: 0 }
const FAILED: Exit = { kind: 'code', code: 3 }

function states(...all: readonly ProcessState[]): Map<ProcessId, ProcessState> {
  return new Map(all.flatMap((state) => ('run' in state ? [[state.run.id, state] as const] : [])))
}

function desired(...wants: readonly [ProcessId, Want][]): Desired {
  const stop = { signal: 'SIGTERM', graceMs: 5_000, drainMs: 0 }
  return { wants: new Map(wants), stops: new Map(), stop, hurried: false }
}

function started(wanted: Desired, observed: ReadonlyMap<ProcessId, ProcessState>): ProcessId[] {
  return reconcile(wanted, observed, NOW).actions.flatMap((action) =>
    action.do === 'start' ? [action.want.plan.id] : [],
  )
}

const stopped: ProcessState = { phase: 'stopped', run: probed('db.1', { life: 'dead', done: true }) }
const backoff: ProcessState = {
  phase: 'backoff',
  run: probed('db.1', { life: 'dead', done: true }),
  exit: FAILED,
  retryAt: NOW + 1_000,
}

const MET: readonly [
  what: string,
  dependency: Dependency,
  state: ProcessState | undefined,
  isMet: boolean,
][] = [
  ['absent', ON_DB, undefined, false],
  ['up and not ready', ON_DB, up('db.1', {}), false],
  ['ready', ON_DB, up('db.1', { bootedAt: 1, readyAt: 1 }), true],
  ['ready no more', ON_DB, up('db.1', { bootedAt: 1, lostAt: 1 }), false],
  ['ready, of an older generation', ON_DB, up('db.1', { readyAt: 1 }, { generation: 0 }), false],
  ['without checks, up for a second', ON_DB, up('db.1', {}, { isProbed: false }), true],
  ['without checks, just up', ON_DB, up('db.1', {}, { isProbed: false, startedAt: NOW - 1 }), false],
  [
    'stopping',
    ON_DB,
    {
      phase: 'stopping',
      run: probed('db.1', { health: { readyAt: 1 } }),
      stop: { signal: 'SIGTERM', killAt: 1 },
    },
    false,
  ],
  ['stopped', ON_DB, stopped, false],
  ['to be started again', ON_DB, backoff, false],
  ['ended with success', ON_DB, over('db.1', OK), false],
  ['completed', AFTER_MIGRATE, over('migrate.1', OK), true],
  ['failed', AFTER_MIGRATE, over('migrate.1', FAILED), false],
  ['still running', AFTER_MIGRATE, up('migrate.1', { readyAt: 1 }), false],
]

test.for(MET)('a dependency that is %s', ([, dependency, state, isMet]) => {
  const id: ProcessId = `${dependency.type}.1`
  const wanted = desired(want(id), want('web.1', dependency))
  const observed = states(...(state === undefined ? [] : [state]))
  expect(started(wanted, observed).includes('web.1')).toBe(isMet)
})

test('all processes of a type are waited for, and none where none runs', () => {
  const observed = states(up('db.1', { readyAt: 1 }), up('db.2', {}))
  const [, web] = want('web.1', ON_DB)
  const wants = new Map([want('db.1'), want('db.2'), want('web.1', ON_DB)])
  expect(awaitedBy(web, wants, observed, NOW)).toEqual(['db.2'])
  expect(awaitedBy(web, new Map([want('web.1', ON_DB)]), observed, NOW)).toEqual([])
})

test('one that waits for what has no checks is looked at when that has been up for a second', () => {
  const unprobed = (id: ProcessId, startedAt: number): ProcessState =>
    up(id, {}, { isProbed: false, startedAt })
  const wanted = desired(want('db.1'), want('db.2'), want('db.3'), want('clock.1'), want('web.1', ON_DB))
  const observed = states(
    unprobed('db.1', NOW - 400),
    unprobed('db.2', NOW - 900),
    unprobed('db.3', NOW - 1_000),
    // It has checks, and time tells nothing of it.
    up('clock.1', {}, { startedAt: NOW - 950 }),
  )
  expect(reconcile(wanted, observed, NOW)).toEqual({ actions: [], wakeAt: NOW + 100 })
})

test('what is up stays up when its dependency is not ready any more', () => {
  const wanted = desired(want('db.1'), want('web.1', ON_DB))
  const observed = states(up('db.1', { lostAt: 5 }), up('web.1', { readyAt: 1 }))
  expect(reconcile(wanted, observed, NOW).actions).toEqual([])
})

describe('who waits in vain', () => {
  const wants = new Map([want('db.1'), want('web.1', ON_DB), want('web.2', ON_DB), want('clock.1')])

  test('nobody, as long as it may get there', () => {
    for (const state of [up('db.1', { reason: 'x' }), backoff, stopped])
      expect(inVain(wants, states(state), NOW)).toEqual([])
  })

  test('for one that had its time', () => {
    expect(inVain(wants, states(up('db.1', { late: true, reason: 'no answer' })), NOW)).toEqual([
      { waiting: ['web.1', 'web.2'], on: 'db.1', why: 'is not ready: no answer', isOver: false },
    ])
  })

  test('for one that is over, but for those that had their start', () => {
    expect(inVain(wants, states(over('db.1', FAILED, 'crashed'), up('web.1', {})), NOW)).toEqual([
      { waiting: ['web.2'], on: 'db.1', why: 'exited with code 3', isOver: true },
    ])
  })

  test.each<[string, ProcessState, readonly ProcessId[]]>([
    ['is to be started again', { ...backoff, run: probed('web.1') }, ['web.1', 'web.2']],
    ['lives and is to be replaced', up('web.1', {}, { generation: 0 }), ['web.2']],
    [
      'has ended and is to be replaced',
      { ...over('web.1', OK), run: probed('web.1', { generation: 0 }) } as ProcessState,
      ['web.1', 'web.2'],
    ],
  ])('one that %s', (_, web, waiting) => {
    expect(inVain(wants, states(over('db.1', FAILED), web), NOW)).toMatchObject([{ waiting }])
  })

  test.each<[string, ProcessState]>([
    [
      'has ended and is to be replaced',
      { ...over('db.1', FAILED), run: probed('db.1', { generation: 0 }) } as ProcessState,
    ],
    [
      'had its time, and is being stopped',
      {
        phase: 'stopping',
        run: probed('db.1', { health: { late: true } }),
        stop: { signal: 'x', killAt: 1 },
      },
    ],
  ])('nobody, for one that %s', (_, db) => {
    expect(inVain(wants, states(db), NOW)).toEqual([])
  })

  test('for one of which nobody knows why it is not ready', () => {
    expect(inVain(wants, states(up('db.1', { late: true })), NOW)).toMatchObject([
      { why: 'is not ready: its checks have not passed' },
    ])
  })

  test('one that has run and ended waits for nothing', () => {
    const chain = new Map([want('db.1'), want('migrate.1', ON_DB), want('web.1', AFTER_MIGRATE)])
    const observed = states(over('db.1', FAILED), over('migrate.1', OK), up('web.1', {}))
    expect(inVain(chain, observed, NOW)).toEqual([])
    expect(waitingFor('db.1', chain, observed, NOW)).toEqual([])
  })
})

const SESSION: Session = {
  version: 1,
  id: 'this',
  bootId: 'boot',
  pidNamespace: 'pid',
  beganAt: 0,
  stages: ['formation'],
  types: [],
  counts: {},
  generations: {},
  stopped: [],
  hasRouter: false,
  isDetached: false,
  flags: {},
  ending: undefined,
  over: false,
}

describe('the run as a whole', () => {
  const chain = [want('db.1'), want('migrate.1', ON_DB), want('web.1', AFTER_MIGRATE)] as const

  test('ends when all that is left waits for what is over, and says who', () => {
    expect(outcome(SESSION, desired(...chain), states(over('db.1', OK)), NOW)).toEqual({
      do: 'end',
      ending: {
        code: 1,
        hurried: false,
        reason: { kind: 'exit', process: 'db.1', exit: OK, inVain: ['migrate.1', 'web.1'] },
      },
    })
  })

  test('ends so, too, where a longer way leads there, and a router stands before it', () => {
    const wants = [...chain, want('front.1', { type: 'web', until: 'ready' }), want(ROUTER)]
    const older = probed('web.1', { generation: 0 })
    for (const web of [
      { phase: 'absent' },
      { ...stopped, run: probed('web.1') },
      { ...backoff, run: probed('web.1') },
      { phase: 'exited', run: older, exit: FAILED, endedAt: NOW - 9 },
    ] as const) {
      const observed = states(over('db.1', OK), up(ROUTER, { readyAt: 1 })).set('web.1', web)
      expect(outcome(SESSION, desired(...wants), observed, NOW)).toMatchObject({
        do: 'end',
        ending: { reason: { process: 'db.1', inVain: ['migrate.1', 'web.1', 'front.1'] } },
      })
    }
  })

  test('ends for what ended first of all that is waited for', () => {
    const wants = [want('db.1'), want('migrate.1'), want('web.1', ON_DB), want('clock.1', AFTER_MIGRATE)]
    const before = { phase: 'exited', run: probed('migrate.1'), exit: FAILED, endedAt: NOW - 2 } as const
    expect(outcome(SESSION, desired(...wants), states(over('db.1', OK), before), NOW)).toMatchObject({
      ending: { code: 3, reason: { process: 'migrate.1', inVain: ['web.1', 'clock.1'] } },
    })
  })

  test('goes on while one runs that would have to wait if it began now', () => {
    const observed = states(over('db.1', OK), up('web.1', { readyAt: 1 }))
    expect(outcome(SESSION, desired(...chain), observed, NOW)).toBeUndefined()
  })

  test('goes on while something lives, or may come back', () => {
    const swept: ProcessState = { phase: 'sweeping', run: probed('clock.1', { life: 'dead' }), exit: FAILED }
    for (const other of [up('clock.1', {}), { ...backoff, run: probed('clock.1') }, swept]) {
      const wanted = desired(...chain, want('clock.1'))
      expect(outcome(SESSION, wanted, states(over('db.1', OK), other), NOW)).toBeUndefined()
    }
  })

  test('goes on when a task is completed', () => {
    const observed = states(up('db.1', { readyAt: 1 }), over('migrate.1', OK))
    expect(outcome(SESSION, desired(...chain), observed, NOW)).toBeUndefined()
  })

  test('says who was waiting when a crash ends it', () => {
    const ending = outcome(SESSION, desired(...chain), states(over('db.1', FAILED, 'crashed')), NOW)
    expect(ending).toMatchObject({ do: 'end', ending: { code: 3, reason: { inVain: ['migrate.1'] } } })
  })
})

describe('one that is not alive any more', () => {
  const sick = probed('web.1', { health: { bootedAt: 1, readyAt: 2, failed: 'GET /: answered 500' } })

  test('is stopped, with the reason on disk before the first signal', () => {
    const observed = new Map([['web.1', { phase: 'up', run: sick, pid: 100 } as const]] as const)
    expect(reconcile(desired(want('web.1')), observed, NOW).actions).toEqual([
      {
        do: 'stop',
        run: sick,
        intent: { signal: 'SIGTERM', killAt: NOW + 5_000, why: 'GET /: answered 500' },
      },
    ])
  })

  test('has failed by itself whatever it ends with, and is started again by its policy', () => {
    const why = 'GET /: answered 500'
    const stop = { signal: 'SIGTERM', killAt: NOW, why }
    const run = probed('web.1', { life: 'dead', exit: OK, endedAt: NOW, stop })
    const exit = { kind: 'unhealthy', why } as const
    expect(observe({ run, ends: [] }, { when: 'on-failure' })).toEqual({ phase: 'sweeping', run, exit })
    expect(isAsked(run)).toBe(false)
    const end = { run: 1, generation: 1, exit, startedAt: 0, endedAt: NOW, asked: false, jitter: 0 }
    const done = { ...run, done: true, exit }
    const phases = (['no', 'on-failure', 'always'] as const).map(
      (when) => observe({ run: done, ends: [end] }, { when }).phase,
    )
    expect(phases).toEqual(['exited', 'backoff', 'backoff'])
  })

  test('one that was asked to stop meanwhile is stopped as asked', () => {
    const observed = new Map([['web.1', { phase: 'up', run: sick, pid: 100 } as const]] as const)
    const [action] = reconcile(desired(), observed, NOW).actions
    expect(action).toMatchObject({ do: 'stop', intent: { signal: 'SIGTERM' } })
    expect(action).not.toMatchObject({ intent: { why: expect.any(String) as string } })
  })

  test('its reason outlives the drain before the signal', () => {
    const intent = { signal: 'SIGTERM', killAt: NOW + 9_000, drainUntil: NOW - 1, why: 'x' }
    const run = probed('web.1', { stop: intent })
    const observed = new Map([['web.1', { phase: 'stopping', run, stop: intent } as const]] as const)
    expect(reconcile(desired(want('web.1')), observed, NOW).actions).toEqual([
      { do: 'stop', run, intent: { signal: 'SIGTERM', killAt: NOW + 5_000, why: 'x' } },
    ])
  })
})
