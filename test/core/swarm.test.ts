import { describe, expect, test } from 'vitest'
import { decodeEngineMemory, editCounts } from '../../src/core/engine.ts'
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

  test('no room is given 15 s', () => {
    const error = 'no suitable node (insufficient resources on 1 node)'
    const full = sight(service(1), task('t1', { state: 'pending', error }))
    expect(rollout(full, { now: 15_000 })).toMatchObject({
      state: 'waiting',
      why: ['web: 0 of 1 ready', error],
    })
    expect(rollout(full, { now: 15_001 })).toMatchObject({ state: 'failed', why: [`web: ${error}`] })
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

test.each([
  '',
  '{',
  '[]',
  '{"version":2}',
  '{"version":1,"engine":"nomad","places":{}}',
  '{"version":1,"engine":"swarm"}',
])('a memory that is none: %s', (text) => expect(decodeEngineMemory(text)).toBeUndefined())
