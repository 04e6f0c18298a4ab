import { describe, expect, test } from 'vitest'
import { clusterView, decodeSight, podsOf } from '../../src/core/kubernetes.ts'
import type { ClusterSight } from '../../src/core/kubernetes.ts'
import { clusterRollout, sightings } from '../../src/core/kubernetes-rollout.ts'
import type { Rollout } from '../../src/core/engine.ts'
import { deployment, ended, pod, waiting } from '../support/kubernetes.ts'
import type { DeploymentState } from '../support/kubernetes.ts'

const NOTES = {
  type: 'tw-run/type',
  port: 'tw-run/port',
  order: 'tw-run/order',
  max: 'tw-run/max',
  component: 'app.kubernetes.io/component',
}
const seen = (...items: readonly object[]): ClusterSight => decodeSight({ items }, NOTES)

/** An object with other things at these places. */
function changed(item: object, parts: Readonly<Record<string, object>>): object {
  const before = item as Readonly<Record<string, object>>
  const entries = Object.entries(parts).map(([name, part]) => [name, { ...before[name], ...part }])
  return { ...item, ...(Object.fromEntries(entries) as object) }
}

/** One look after another, each with its time in seconds. */
function looks(...steps: readonly (readonly [number, ClusterSight])[]): Rollout {
  const firstSeen = new Map<string, number>()
  let found: Rollout = { state: 'waiting', why: [], culprits: [] }
  for (const [seconds, sight] of steps) {
    const now = seconds * 1000
    for (const key of sightings(sight)) if (!firstSeen.has(key)) firstSeen.set(key, now)
    found = clusterRollout(sight, ['web'], { restarts: new Map(), firstSeen }, now)
  }
  return found
}

describe('a roll-out', () => {
  test('is over when all are new, available for minReadySeconds, and none was restarted', () => {
    expect(looks([0, seen(...deployment(), pod())])).toEqual({ state: 'ready' })
    expect(looks([0, seen(...deployment({ replicas: 0 }))])).toEqual({ state: 'ready' })
  })

  test.each<[string, DeploymentState, string]>([
    ['the controller has not seen it yet', { observed: false }, 'web: the cluster has not looked at it yet'],
    ['one is not available yet', { replicas: 2, available: 1 }, 'web: 1 of 2 ready'],
    ['one is still old', { replicas: 2, updated: 1 }, 'web: 1 of 2 ready'],
  ])('waits while %s', (_, state, why) => {
    expect(looks([0, seen(...deployment(state), pod())])).toEqual({
      state: 'waiting',
      why: [why],
      culprits: [],
    })
  })

  test('a crash loop is never ready, also in the moments in which it runs', () => {
    const once = seen(...deployment(), pod({ restarts: 1, last: ended(1) }))
    // The server calls it rolled out: everything is available.
    expect(looks([0, once])).toEqual({
      state: 'waiting',
      why: ['web: 1 of 1 ready', 'web.1: restarted (exit code 1, 1 restarts)'],
      culprits: [{ process: 'web.1', id: 'app-web-6d4cf56db6-x7k2p' }],
    })
    expect(looks([0, once], [19, once])).toMatchObject({ state: 'waiting' })
    expect(looks([100, once], [119, once])).toMatchObject({ state: 'waiting' })
    expect(looks([0, once], [21, once])).toEqual({ state: 'ready' })
    expect(looks([0, once], [5, seen(...deployment(), pod({ restarts: 2, last: ended(1) }))])).toEqual({
      state: 'failed',
      why: ['web.1: restarted (exit code 1, 2 restarts)'],
      culprits: [{ process: 'web.1', id: 'app-web-6d4cf56db6-x7k2p' }],
    })
  })

  test('restarts from before do not count', () => {
    const sight = seen(...deployment(), pod({ restarts: 7, last: ended(1) }))
    const restarts = new Map([['app-web-6d4cf56db6-x7k2p', 7]])
    expect(clusterRollout(sight, ['web'], { restarts, firstSeen: new Map() }, 0)).toEqual({ state: 'ready' })
  })

  test.each([
    ['ImagePullBackOff', 'Back-off pulling image "local/nowhere:1"'],
    ['ErrImageNeverPull', 'Container image "local/nowhere:1" is not present with pull policy of Never'],
    ['InvalidImageName', 'couldn\'t parse image name "a b"'],
    ['CreateContainerConfigError', 'secret "app-environment" not found'],
    ['CreateContainerError', 'the name is in use'],
    ['RunContainerError', 'exec: "/bin/sh": no such file or directory'],
  ])('%s is final, in its own words', (reason, message) => {
    const state = { state: waiting(reason, message), ready: false }
    expect(looks([0, seen(...deployment({ available: 0 }), pod(state))])).toMatchObject({
      state: 'failed',
      why: [`web.1: ${reason}: ${message}`],
    })
  })

  test('ErrImagePull may pass, and says what it is', () => {
    const state = { state: waiting('ErrImagePull', 'registry: connection refused'), ready: false }
    expect(looks([0, seen(...deployment({ available: 0 }), pod(state))])).toEqual({
      state: 'waiting',
      why: ['web: 0 of 1 ready', 'web.1: ErrImagePull: registry: connection refused'],
      culprits: [{ process: 'web.1', id: 'app-web-6d4cf56db6-x7k2p' }],
    })
  })

  test('a pod without a node is given 15 s, and then said with the words of the scheduler', () => {
    const message = '0/1 nodes are available: 1 Insufficient memory.'
    const sight = seen(
      ...deployment({ available: 0 }),
      pod({ scheduled: { reason: 'Unschedulable', message } }),
    )
    expect(looks([0, sight], [14, sight])).toMatchObject({ state: 'waiting' })
    expect(looks([100, sight], [114, sight])).toMatchObject({ state: 'waiting' })
    expect(looks([0, sight], [15, sight])).toMatchObject({
      state: 'failed',
      why: [`web.1: Unschedulable: ${message}`],
    })
  })

  test('a pod that a quota forbids has no row, and is said all the same', () => {
    const message =
      'pods "app-web-6d4cf56db6-" is forbidden: exceeded quota: few, used: pods=1, limited: pods=1'
    const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }]
    const sight = seen(...deployment({ available: 0, updated: 0, conditions }))
    expect(looks([0, sight], [14, sight])).toMatchObject({ state: 'waiting' })
    expect(looks([0, sight], [15, sight])).toEqual({
      state: 'failed',
      why: [`web: FailedCreate: ${message}`],
      culprits: [],
    })
    expect(clusterView(sight, () => 0).notes).toEqual([`web: FailedCreate: ${message}`])
  })

  test('of a type without a Deployment is not over', () => {
    const baseline = { restarts: new Map(), firstSeen: new Map() }
    const sight = seen(...deployment(), pod())
    expect(clusterRollout(sight, ['web', 'clock'], baseline, 0)).toEqual({
      state: 'waiting',
      why: ['clock: there is no such Deployment'],
      culprits: [],
    })
  })

  test('looks at the types that it is asked about, and at their own pods', () => {
    const broken = pod({ type: 'worker', state: waiting('ErrImageNeverPull', 'x'), ready: false })
    const sight = seen(...deployment({ type: 'worker', available: 0 }), broken, ...deployment(), pod())
    expect(looks([0, sight])).toEqual({ state: 'ready' })
    const baseline = { restarts: new Map(), firstSeen: new Map() }
    expect(clusterRollout(sight, ['worker'], baseline, 0)).toMatchObject({
      state: 'failed',
      why: ['worker.1: ErrImageNeverPull: x'],
      culprits: [{ process: 'worker.1' }],
    })
  })

  test('what becomes of the pods before it, and of those that are deleted, is no news', () => {
    const state = { state: waiting('CrashLoopBackOff', 'x'), ready: false, restarts: 9 }
    const labels = { 'app.kubernetes.io/component': 'web', 'pod-template-hash': 'older' }
    const old = changed(pod({ id: 'old', ...state }), { metadata: { labels } })
    const deleted = pod({ id: 'deleted', deleted: true, ...state })
    expect(looks([0, seen(...deployment(), old, deleted, pod())])).toEqual({ state: 'ready' })
  })

  test('is not over while there are too many, or something is complained of that may pass', () => {
    const [own = {}, replicas = {}] = deployment()
    const tooMany = changed(own, { status: { replicas: 2 } })
    const one = ['web: 1 of 1 ready']
    expect(looks([0, seen(tooMany, replicas, pod())])).toMatchObject({ state: 'waiting', why: one })
    const older = changed(own, { status: { updatedReplicas: 0 } })
    expect(looks([0, seen(older, replicas, pod())])).toMatchObject({ why: ['web: 0 of 1 ready'] })
    const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'x' }]
    expect(looks([0, seen(...deployment({ conditions }), pod())])).toMatchObject({
      state: 'waiting',
      why: [...one, 'web: FailedCreate: x'],
    })
  })

  test.each([
    { type: 'ReplicaFailure', status: 'False', reason: 'FailedCreate', message: 'x' },
    { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message: 'x' },
    { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'x' },
  ])('%j is nothing to complain of', (condition) => {
    const sight = seen(...deployment({ conditions: [condition] }), pod())
    expect(looks([0, sight], [60, sight])).toEqual({ state: 'ready' })
    expect(clusterView(sight, () => 0).notes).toEqual([])
    expect(sightings(sight)).toEqual(['app-web-6d4cf56db6-x7k2p restarted 0'])
  })

  test('names four troubles at most, and shows the lines of one', () => {
    const pods = ['a', 'b', 'c', 'd', 'e'].map((id) => pod({ id, ready: false }))
    expect(looks([0, seen(...deployment({ replicas: 5, available: 0 }), ...pods)])).toEqual({
      state: 'waiting',
      why: ['web: 0 of 5 ready', ...[1, 2, 3, 4].map((index) => `web.${index}: up, but not ready`)],
      culprits: [{ process: 'web.1', id: 'app-web-6d4cf56db6-a' }],
    })
  })

  test('ProgressDeadlineExceeded is final', () => {
    const message = 'ReplicaSet "app-web-6d4cf56db6" has timed out progressing.'
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message }]
    const probe = pod({ ready: false })
    const culprits = [{ process: 'web.1', id: 'app-web-6d4cf56db6-x7k2p' }]
    expect(looks([0, seen(...deployment({ available: 0, conditions }), probe)])).toMatchObject({
      state: 'failed',
      why: [`web: ProgressDeadlineExceeded: ${message}`, 'web.1: up, but not ready'],
      culprits,
    })
  })
})

test('what ps says of each state', () => {
  const { rows } = clusterView(
    seen(
      ...deployment({ replicas: 6 }),
      pod({ id: 'a' }),
      pod({ id: 'b', ready: false }),
      pod({
        id: 'c',
        restarts: 4,
        last: ended(137),
        ready: false,
        state: waiting('CrashLoopBackOff', 'back-off 40s'),
      }),
      pod({ id: 'd', ready: false, state: waiting('ContainerCreating', '') }),
      pod({ id: 'e', scheduled: { reason: 'Unschedulable', message: 'no room' } }),
      pod({ id: 'f', deleted: true }),
    ),
    () => 9_000,
  )
  expect(
    rows.map(({ process: id, phase, ready, restarts, lastExit, node, reason, upFor }) => [
      id,
      phase,
      ready,
      restarts,
      lastExit,
      node,
      reason,
      upFor,
    ]),
  ).toEqual([
    ['web.1', 'up', true, 0, null, 'node-a', undefined, 9_000],
    ['web.2', 'up', false, 0, null, 'node-a', undefined, 9_000],
    ['web.3', 'backoff', false, 4, { signal: 'SIGKILL' }, 'node-a', 'CrashLoopBackOff: back-off 40s', 0],
    ['web.4', 'starting', false, 0, null, 'node-a', undefined, 0],
    ['web.5', 'starting', false, 0, null, '', 'Unschedulable: no room', 0],
    ['web.6', 'stopping', false, 0, null, 'node-a', undefined, 0],
  ])
})

test('of several types each has its own pods, in the order of the Procfile', () => {
  const view = clusterView(
    seen(...deployment({ type: 'worker' }), pod({ type: 'worker' }), ...deployment(), pod()),
    () => 0,
  )
  expect(view.types.map(({ name, count, port, order }) => [name, count, port, order])).toEqual([
    ['web', 1, 5000, 0],
    ['worker', 1, 5100, 1],
  ])
  expect(view.rows.map(({ process: id, port, startedAt }) => [id, port, startedAt])).toEqual([
    ['web.1', 5000, '2026-11-22T10:00:03Z'],
    ['worker.1', 5100, '2026-11-22T10:00:03Z'],
  ])
})

test('a process has its number by its age, then by its name, and none once it is over', () => {
  const at = (id: string, creationTimestamp: string): object =>
    changed(pod({ id }), { metadata: { name: id, creationTimestamp } })
  const over = (phase: string): object =>
    changed(at(phase, '2026-11-22T09:00:00Z'), { status: { phase, startTime: '' } })
  const pods = [
    at('a', '2026-11-22T10:00:02Z'),
    at('c', '2026-11-22T10:00:01Z'),
    at('b', '2026-11-22T10:00:01Z'),
    over('Failed'),
    over('Succeeded'),
  ]
  const sight = seen(...deployment({ replicas: 3 }), ...pods)
  const [own] = sight.deployments
  expect(own && podsOf(own, sight.pods).map(({ name }) => name)).toEqual(['b', 'c', 'a'])
})

test('the newest pods are those of the newest ReplicaSet of their Deployment', () => {
  const [own = {}, replicas = {}] = deployment()
  const hashed = (hash: string, revision: string, kind = 'Deployment', name = 'app-web'): object =>
    changed(replicas, {
      metadata: {
        labels: { 'pod-template-hash': hash },
        annotations: { 'deployment.kubernetes.io/revision': revision },
        ownerReferences: [
          { kind: 'Other', name: 'x' },
          { kind, name },
        ],
      },
    })
  const others = [
    hashed('older', '1'),
    hashed('rollout', '2', 'Rollout'),
    hashed('else', '2', undefined, 'x'),
  ]
  const worker = deployment({ type: 'worker' })
  expect([...seen(own, hashed('new', '2'), ...others, ...worker).newest]).toEqual([
    ['app-web', 'new'],
    ['app-worker', '6d4cf56db6'],
  ])
})

describe('what a pod says', () => {
  const only = (item: object) => seen(...deployment(), item).pods[0]
  const status = (item: object, part: object): object => changed(item, { status: part })

  test('since when: since its container runs, else since it was begun, else since it was made', () => {
    const pending = pod({ state: waiting('ContainerCreating', '') })
    const made = { creationTimestamp: '2026-11-22T10:00:00Z' }
    expect(only(changed(pod(), { metadata: made }))?.startedAt).toBe('2026-11-22T10:00:03Z')
    expect(only(changed(pending, { metadata: made }))?.startedAt).toBe('2026-11-22T10:00:01Z')
    expect(only(status(changed(pending, { metadata: made }), { startTime: null }))?.startedAt).toBe(
      '2026-11-22T10:00:00Z',
    )
  })

  test('why: of its scheduler, of its container, else of itself', () => {
    const told = { reason: 'Evicted', message: 'no disk' }
    expect(only(status(pod(), told))).toMatchObject(told)
    const own = { reason: 'ErrImagePull', message: 'no' }
    expect(only(status(pod({ state: waiting(own.reason, own.message) }), told))).toMatchObject(own)
    expect(only(pod({ scheduled: { reason: 'SchedulingGated', message: 'x' } }))).toMatchObject({
      reason: '',
    })
  })

  test('that it has ended and comes back', () => {
    const { rows } = clusterView(seen(...deployment(), pod({ state: ended(3), ready: false })), () => 0)
    expect(rows).toMatchObject([{ phase: 'backoff', ready: false, lastExit: { code: 3 } }])
  })

  test('nothing, in the usual steps on its way', () => {
    for (const reason of ['ContainerCreating', 'PodInitializing']) {
      const { rows } = clusterView(seen(...deployment(), pod({ state: waiting(reason, '') })), () => 0)
      expect(rows[0]).not.toHaveProperty('reason')
    }
  })
})

test('what is no list is no app', () => {
  expect(seen()).toEqual({ deployments: [], pods: [], newest: new Map() })
  expect(
    decodeSight({ items: [null, 7, { kind: 'Deployment' }, { kind: 'Pod' }] }, NOTES).deployments,
  ).toEqual([])
})
