import { describe, expect, test } from 'vitest'
import { decodeEngineMemory, editCounts, labelNumber } from '../../src/core/engine.ts'
import { decodeService, decodeTask, viewOf } from '../../src/core/swarm.ts'
import type { SwarmSight } from '../../src/core/swarm.ts'
import { rolloutOf } from '../../src/core/swarm-rollout.ts'

const LABELS = { type: 'tw-run.type', port: 'tw-run.port', order: 'tw-run.order', max: 'tw-run.max' }
const CONTAINER = { Image: 'app:1', Command: ['/bin/sh', '-c', 'exec node web.js'], Env: ['PORT=5000'] }

function service(replicas: number, update?: { State: string; Message: string }): unknown {
  return {
    ID: 's1',
    Spec: {
      Name: 'app_web',
      Labels: { 'tw-run.app': 'app', 'tw-run.type': 'web', 'tw-run.port': '5000', 'tw-run.order': '0' },
      TaskTemplate: { ContainerSpec: { ...CONTAINER, StopGracePeriod: 5e9 }, ForceUpdate: 1 },
      Mode: { Replicated: { Replicas: replicas } },
    },
    ...(update === undefined ? {} : { UpdateStatus: update }),
  }
}

interface State {
  readonly slot?: number
  readonly state?: string
  readonly desired?: string
  readonly error?: string
  readonly code?: number
  readonly force?: number
}

/** As Docker has a task: it leaves out what its service says by default. */
function task(
  id: string,
  { slot = 1, state = 'running', desired = 'running', error, code = 0, force = 1 }: State = {},
): unknown {
  return {
    ID: id,
    CreatedAt: `2026-11-22T10:00:0${id.slice(-1)}Z`,
    ServiceID: 's1',
    Slot: slot,
    NodeID: 'n1',
    Spec: { ContainerSpec: CONTAINER, ForceUpdate: force },
    Status: {
      Timestamp: '2026-11-22T10:01:00Z',
      State: state,
      Message: state === 'running' ? 'started' : 'preparing',
      ...(error === undefined ? {} : { Err: error }),
      ContainerStatus: { ExitCode: code },
    },
    DesiredState: desired,
  }
}

function sight(own: unknown, ...tasks: readonly unknown[]): SwarmSight {
  return {
    services: [decodeService(own, LABELS) ?? []].flat(),
    tasks: tasks.map(decodeTask),
    nodes: new Map([['n1', 'one']]),
  }
}

const rollout = (
  seen: SwarmSight,
  { known = [], since = 0, now = 10_000 }: { known?: string[]; since?: number; now?: number } = {},
) =>
  rolloutOf(
    seen,
    ['web'],
    {
      known: new Set(known),
      updates: new Map(),
      firstSeen: new Map(seen.tasks.map(({ id }) => [id, since])),
    },
    now,
  )

describe('a roll-out', () => {
  test('is over when as many as wanted have been up for 5 s', () => {
    const two = sight(service(2), task('t1'), task('t2', { slot: 2 }))
    expect(rollout(two)).toEqual({ state: 'ready' })
    expect(rollout(two, { since: 5_001 })).toMatchObject({ state: 'waiting', why: ['web: 0 of 2 ready'] })
    expect(rollout(sight(service(0)))).toEqual({ state: 'ready' })
  })

  test('of a type without a service is not over', () => {
    const none: SwarmSight = { services: [], tasks: [], nodes: new Map() }
    expect(rollout(none)).toEqual({
      state: 'waiting',
      why: ['web: there is no such service'],
      culprits: [],
    })
  })

  test('an update that was rolled back is no success, though everything runs', () => {
    const update = { State: 'rollback_completed', Message: 'rollback completed' }
    const end = { state: 'failed', desired: 'shutdown', error: 'task: non-zero exit (4)', code: 4 }
    expect(rollout(sight(service(1, update), task('t1'), task('t2', end)), { known: ['t1'] })).toEqual({
      state: 'failed',
      why: ['web: rollback completed: rollback completed', 'web.1: task: non-zero exit (4)'],
      culprits: [{ process: 'web.1', id: 't2' }],
    })
  })

  test('what became of an update before is no news of this one', () => {
    const update = { State: 'rollback_completed', Message: 'rollback completed' }
    const seen = sight(service(1, update), task('t1'))
    const updates = new Map([['s1', 'rollback_completed ']])
    expect(rolloutOf(seen, ['web'], { known: new Set(['t1']), updates, firstSeen: new Map() }, 0)).toEqual({
      state: 'ready',
    })
  })

  test.each(['updating', 'rollback_started'])('waits while it is %s', (State) => {
    expect(rollout(sight(service(1, { State, Message: 'under way' }), task('t1')))).toMatchObject({
      state: 'waiting',
    })
  })

  test('a process of the version before is not of this one', () => {
    expect(rollout(sight(service(1), task('t1', { force: 0 })))).toMatchObject({
      state: 'waiting',
      why: ['web: 0 of 1 ready'],
    })
    const both = sight(service(1), task('t1', { force: 0, desired: 'shutdown' }), task('t2'))
    expect(rollout(both)).toMatchObject({ state: 'waiting', why: ['web: old processes are stopping'] })
  })

  test('three ends are a crash loop; ends from before do not count', () => {
    const end = (id: string) =>
      task(id, { state: 'failed', desired: 'shutdown', error: 'task: non-zero exit (1)', code: 1 })
    const looping = sight(service(1), end('t1'), end('t2'), end('t3'), task('t4'))
    expect(rollout(looping)).toMatchObject({ state: 'failed', why: ['web.1: task: non-zero exit (1)'] })
    expect(rollout(looping, { known: ['t1', 't2', 't3'] })).toEqual({ state: 'ready' })
  })

  test('an image that is nowhere is final, in Docker’s words', () => {
    const error = 'No such image: nowhere:1'
    expect(
      rollout(sight(service(1), task('t1', { state: 'rejected', desired: 'shutdown', error }))),
    ).toMatchObject({
      state: 'failed',
      why: [`web.1: ${error}`],
    })
  })

  test.each(['rollback_paused', 'paused'])('an update that is %s is no success', (State) => {
    const why = `web: ${State.replace('_', ' ')}: too many failures`
    const update = { State, Message: 'too many failures' }
    expect(rollout(sight(service(1, update), task('t1')))).toEqual({
      state: 'failed',
      why: [why],
      culprits: [],
    })
  })

  test('says what it waits for, and who ended meanwhile', () => {
    const end = { state: 'failed', desired: 'shutdown', error: 'task: non-zero exit (4)', code: 4 }
    const update = { State: 'rollback_started', Message: 'under way' }
    const culprits = [{ process: 'web.1', id: 't1' }]
    expect(rollout(sight(service(1, update), task('t1', end), task('t2')))).toEqual({
      state: 'waiting',
      why: ['web: rollback started', 'web.1: task: non-zero exit (4)'],
      culprits,
    })
    expect(rollout(sight(service(1), task('t1', end), task('t2', { state: 'starting' })))).toEqual({
      state: 'waiting',
      why: ['web: 0 of 1 ready', 'web.1: task: non-zero exit (4)'],
      culprits,
    })
  })

  test('says who has begun and is not ready yet, where nobody has ended', () => {
    const seen = sight(
      service(2),
      task('t1'),
      task('t2', { slot: 2, state: 'starting', desired: 'shutdown' }),
      task('t3', { slot: 2, state: 'starting' }),
    )
    expect(rollout(seen)).toEqual({
      state: 'waiting',
      why: ['web: 1 of 2 ready'],
      culprits: [{ process: 'web.2', id: 't3' }],
    })
  })

  test('names three ends at most, and shows the lines of one', () => {
    const ends = [1, 2, 3, 4].map((slot) =>
      task(`t${slot}`, { slot, state: 'failed', desired: 'shutdown', error: 'x' }),
    )
    expect(rollout(sight(service(4), ...ends))).toEqual({
      state: 'failed',
      why: ['web.1: x', 'web.2: x', 'web.3: x'],
      culprits: [{ process: 'web.1', id: 't1' }],
    })
  })

  test('an update that was under way before is waited for', () => {
    const seen = sight(service(1, { State: 'updating', Message: '' }), task('t1'))
    const baseline = { known: new Set(['t1']), updates: new Map([['s1', 'updating ']]), firstSeen: new Map() }
    expect(rolloutOf(seen, ['web'], baseline, 0)).toMatchObject({ state: 'waiting', why: ['web: updating'] })
  })

  test('looks at the types that it is asked about, and at their own tasks', () => {
    const worker = { ...(service(1) as { Spec: object }), ID: 's2' }
    const labels = { 'tw-run.type': 'worker', 'tw-run.port': '5100', 'tw-run.order': '1' }
    const other = { ...worker, Spec: { ...worker.Spec, Labels: labels } }
    const failing = {
      ...(task('t9', { state: 'failed', error: 'no such image' }) as object),
      ServiceID: 's2',
    }
    const seen = sight(service(1), task('t1'), failing)
    const both = { ...seen, services: [...seen.services, ...sight(other).services] }
    expect(rollout(both)).toEqual({ state: 'ready' })
    const baseline = { known: new Set<string>(), updates: new Map(), firstSeen: new Map() }
    expect(rolloutOf(both, ['worker'], baseline, 0)).toMatchObject({ state: 'failed' })
  })

  test.each<[string, object]>([
    ['image', { Image: 'app:2' }],
    ['command', { Command: ['x'] }],
    ['arguments', { Args: ['x'] }],
    ['environment', { Env: ['PORT=1'] }],
    ['check', { Healthcheck: { Test: ['CMD', 'x'] } }],
    ['stop signal', { StopSignal: 'SIGINT' }],
    ['secrets', { Secrets: [{ SecretName: 'x' }] }],
  ])('a process with another %s is of another version', (_, change) => {
    const old = task('t1') as { Spec: { ContainerSpec: object } }
    const spec = { ...old.Spec, ContainerSpec: { ...old.Spec.ContainerSpec, ...change } }
    expect(rollout(sight(service(1), { ...old, Spec: spec }))).toMatchObject({ why: ['web: 0 of 1 ready'] })
    const both = sight(service(1), { ...old, Spec: spec }, task('t2', { slot: 2 }))
    expect(rollout(both)).toMatchObject({ why: ['web: old processes are stopping'] })
  })

  test('is not over while one too many is still stopping', () => {
    const extra = task('t2', { slot: 2, desired: 'shutdown' })
    expect(rollout(sight(service(1), task('t1'), extra))).toMatchObject({
      state: 'waiting',
      why: ['web: old processes are stopping'],
    })
  })

  test('one that is to be stopped does not count', () => {
    expect(rollout(sight(service(1), task('t1', { desired: 'shutdown' })))).toMatchObject({
      state: 'waiting',
      why: ['web: 0 of 1 ready'],
    })
  })

  describe('of what may end', () => {
    const own = service(1) as { Spec: { TaskTemplate: object } }
    const template = { ...own.Spec.TaskTemplate, RestartPolicy: { Condition: 'on-failure' } }
    const mayEnd = { ...own, Spec: { ...own.Spec, TaskTemplate: template } }
    const done = (id: string, force = 1) => task(id, { state: 'complete', desired: 'complete', force })

    test('is over when that has done its work', () => {
      expect(rollout(sight(mayEnd, done('t1')))).toEqual({ state: 'ready' })
      expect(rollout(sight(mayEnd, done('t1', 0)))).toMatchObject({ why: ['web: 0 of 1 ready'] })
      expect(rollout(sight(mayEnd, task('t1', { state: 'starting' })))).toMatchObject({ state: 'waiting' })
    })

    test('is not over when what should go on has', () => {
      const ends = sight(service(1), done('t1'), done('t2'), done('t3'))
      expect(rollout(ends)).toMatchObject({ state: 'failed' })
      expect(rollout(sight(service(1), done('t1')))).toMatchObject({
        state: 'waiting',
        culprits: [{ process: 'web.1', id: 't1' }],
      })
    })
  })

  test('what waits for a place and is not refused one waits on', () => {
    const pending = task('t1', { state: 'pending', error: 'pending task scheduling' })
    expect(rollout(sight(service(1), pending), { now: 60_000 })).toEqual({
      state: 'waiting',
      why: ['web: 0 of 1 ready'],
      culprits: [],
    })
  })

  test('no room is given 15 s', () => {
    const error = 'no suitable node (insufficient resources on 1 node)'
    const full = sight(service(1), task('t1', { state: 'pending', error }))
    expect(rollout(full, { now: 15_000 })).toMatchObject({
      state: 'waiting',
      why: ['web: 0 of 1 ready', error],
    })
    expect(rollout(full, { now: 15_001 })).toMatchObject({ state: 'failed', why: [`web: ${error}`] })
    expect(rollout(full, { since: 80_000, now: 95_000 })).toMatchObject({ state: 'waiting' })
  })
})

test('ps has a row a slot: the newest task, and the ends of those before it', () => {
  const { rows } = viewOf(
    sight(
      service(3),
      task('t1', { state: 'failed', desired: 'shutdown', error: 'task: non-zero exit (137)', code: 137 }),
      task('t2'),
      task('t3', { slot: 2, state: 'starting' }),
      task('t4', { slot: 3, state: 'pending', error: 'no suitable node (1 node not available)' }),
      task('t5', { slot: 4, state: 'running', desired: 'shutdown' }),
    ),
    () => 4_000,
  )
  expect(
    rows.map(({ process: id, phase, ready, restarts, lastExit, node, upFor, reason }) => [
      id,
      phase,
      ready,
      restarts,
      lastExit,
      node,
      upFor,
      reason,
    ]),
  ).toEqual([
    ['web.1', 'up', true, 1, { signal: 'SIGKILL' }, 'one', 4_000, undefined],
    ['web.2', 'starting', false, 0, null, 'one', 0, undefined],
    ['web.3', 'starting', false, 0, null, 'one', 0, 'no suitable node (1 node not available)'],
    ['web.4', 'stopping', false, 0, null, 'one', 4_000, undefined],
  ])
})

describe('ps', () => {
  const rowsOf = (own: unknown, ...tasks: readonly unknown[]) =>
    viewOf(sight(own, ...tasks), () => 1_000).rows

  test('has the types in the order of the Procfile, each with its port and most', () => {
    const typed = (name: string, order: number, max?: string): unknown => {
      const own = service(1) as { Spec: object }
      const labels = {
        'tw-run.type': name,
        'tw-run.port': `${5000 + 100 * order}`,
        'tw-run.order': `${order}`,
      }
      return {
        ...own,
        ID: name,
        Spec: { ...own.Spec, Labels: { ...labels, ...(max !== undefined && { 'tw-run.max': max }) } },
      }
    }
    const services = [typed('worker', 1, '4'), typed('web', 0)].flatMap((one) => sight(one).services)
    const tasks = ['worker', 'web'].map((id) => decodeTask({ ...(task('t1') as object), ServiceID: id }))
    const { types, rows } = viewOf({ services, tasks, nodes: new Map() }, () => 0)
    expect(types.map(({ name, port, order, max }) => [name, port, order, max])).toEqual([
      ['web', 5000, 0, undefined],
      ['worker', 5100, 1, 4],
    ])
    expect(rows.map(({ process: id, port }) => [id, port])).toEqual([
      ['web.1', 5000],
      ['worker.1', 5100],
    ])
  })

  test('leaves out the services of others', () => {
    const own = service(1) as { Spec: object }
    for (const other of [
      { ...own, Spec: { ...own.Spec, Labels: {} } },
      { ...own, ID: undefined },
    ])
      expect(decodeService(other, LABELS)).toBeUndefined()
  })

  test.each<[string, string, string, string | undefined]>([
    ['running', 'running', 'up', undefined],
    ['running', 'shutdown', 'stopping', undefined],
    ['preparing', 'running', 'starting', undefined],
    ['complete', 'complete', 'exited', undefined],
    ['failed', 'running', 'crashed', 'why'],
    ['rejected', 'running', 'crashed', 'why'],
    ['pending', 'running', 'starting', 'why'],
    ['shutdown', 'running', 'stopped', undefined],
    ['remove', 'running', 'stopped', undefined],
    ['orphaned', 'running', 'stopped', 'why'],
  ])('a task that is %s, and should be %s, is %s: %s', (state, desired, phase, reason) => {
    const [row] = rowsOf(service(1), task('t1', { state, desired, error: 'why' }))
    expect([row?.phase, row?.ready, row?.reason]).toEqual([phase, phase === 'up', reason])
  })

  test('one that is to begin after an end waits for that, one that is the first does not', () => {
    const end = task('t1', { state: 'failed', desired: 'shutdown', code: 3 })
    const next = task('t2', { state: 'ready', desired: 'ready' })
    expect(rowsOf(service(1), end, next)).toMatchObject([
      { phase: 'backoff', restarts: 1, lastExit: { code: 3 }, startedAt: '2026-11-22T10:00:02Z' },
    ])
    expect(rowsOf(service(1), next)).toMatchObject([{ phase: 'starting', restarts: 0 }])
    expect(rowsOf(service(1), end, task('t2', { state: 'preparing' }))).toMatchObject([{ phase: 'starting' }])
  })

  test('counts an end with success, and says how the newest of all went', () => {
    const ends = [
      task('t1', { state: 'complete', desired: 'shutdown', code: 0 }),
      task('t2', { state: 'failed', desired: 'shutdown', code: 5 }),
    ]
    expect(rowsOf(service(1), task('t3'), ...ends)).toMatchObject([{ restarts: 2, lastExit: { code: 5 } }])
    expect(rowsOf(service(1), ...ends.toReversed(), task('t3'))).toMatchObject([
      { restarts: 2, lastExit: { code: 5 } },
    ])
  })

  test('has a row for each slot that lives, by number, and of those that are over only as many as are missing', () => {
    const over = (id: string, slot: number): unknown =>
      task(id, { slot, state: 'shutdown', desired: 'shutdown' })
    const tasks = [over('t1', 5), over('t2', 4), task('t3', { slot: 3 }), over('t4', 1)]
    const ids = (replicas: number): string[] =>
      rowsOf(service(replicas), ...tasks).map(({ process: id }) => id)
    expect(ids(0)).toEqual(['web.3'])
    expect(ids(1)).toEqual(['web.3'])
    expect(ids(2)).toEqual(['web.3', 'web.5'])
    expect(ids(9)).toEqual(['web.1', 'web.3', 'web.4', 'web.5'])
  })

  test.each(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'])(
    'has none of a slot that was taken away and whose last task is %s',
    (state) => {
      expect(rowsOf(service(0), task('t1', { state, desired: 'shutdown' }))).toEqual([])
    },
  )

  test('has a row of what has done its work, wanted or not', () => {
    const done = task('t1', { state: 'complete', desired: 'complete' })
    expect(rowsOf(service(0), done)).toMatchObject([{ phase: 'exited' }])
  })

  test('is about the newest of those that are wanted', () => {
    const gone = task('t9', { state: 'shutdown', desired: 'shutdown' })
    expect(rowsOf(service(1), task('t1'), gone)).toMatchObject([{ phase: 'up' }])
    expect(rowsOf(service(1), task('t1'), task('t2', { state: 'preparing' }))).toMatchObject([
      { phase: 'starting' },
    ])
  })

  test('says an update that went wrong', () => {
    const notes = (State: string): readonly string[] =>
      viewOf(sight(service(1, { State, Message: 'why' })), () => 0).notes
    expect(notes('rollback_completed')).toEqual(['web: rollback completed: why'])
    expect(notes('paused')).toEqual(['web: paused: why'])
    expect(notes('completed')).toEqual([])
  })
})

test('counts are edited as on this machine, and a limit of the app holds', () => {
  const types = [
    { name: 'web', count: 2, port: 5000, order: 0, max: undefined },
    { name: 'clock', count: 1, port: 5100, order: 1, max: 1 },
  ]
  expect(editCounts(['web+2'], types)).toEqual({ changed: new Map([['web', 4]]), lines: ['web: 2 -> 4'] })
  expect(editCounts(['web=2'], types)).toEqual({
    changed: new Map(),
    lines: ['nothing to change: web=2,clock=1'],
  })
  expect(editCounts(['all=0'], types)).toMatchObject({ lines: ['web: 2 -> 0', 'clock: 1 -> 0'] })
  for (const wrong of ['clock+1', 'web-3', 'nosuch=1', 'web'])
    expect(editCounts([wrong], types)).toHaveProperty('problems')
})

describe('what is remembered of the engines', () => {
  const place = { app: 'app', image: 'app:1', cluster: 'c', namespace: '' }
  const memory = { version: 1, engine: 'swarm', places: { swarm: place, kubernetes: place } }

  test('is read as it was written, of each engine by itself', () => {
    expect(decodeEngineMemory(JSON.stringify(memory))).toEqual(memory)
    for (const places of [{}, { swarm: place }, { kubernetes: { ...place, cluster: 'd' } }])
      expect(decodeEngineMemory(JSON.stringify({ ...memory, places }))).toEqual({ ...memory, places })
  })

  test('leaves out a place that is damaged', () => {
    const places = { swarm: { ...place, image: 1 }, kubernetes: place }
    expect(decodeEngineMemory(JSON.stringify({ ...memory, places }))?.places).toEqual({ kubernetes: place })
  })

  test('is none of another version', () => {
    expect(decodeEngineMemory(JSON.stringify({ ...memory, version: 2 }))).toBeUndefined()
  })
})

test.each([
  ['7', 7],
  ['0', 0],
  ['', undefined],
  [undefined, undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['x', undefined],
])('the number of a label %j: %j', (text, number) => {
  expect(labelNumber(text)).toBe(number)
})

test.each([
  '',
  '{',
  '[]',
  '{"version":2}',
  '{"version":1,"engine":"nomad","places":{}}',
  '{"version":1,"engine":"swarm"}',
])('a memory that is none: %s', (text) => expect(decodeEngineMemory(text)).toBeUndefined())
