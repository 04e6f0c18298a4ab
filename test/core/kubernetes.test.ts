import { describe, expect, test } from 'vitest'
import { clusterView, decodeSight } from '../../src/core/kubernetes.ts'
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

test('what is no list is no app', () => {
  expect(seen()).toEqual({ deployments: [], pods: [], newest: new Map() })
  expect(
    decodeSight({ items: [null, 7, { kind: 'Deployment' }, { kind: 'Pod' }] }, NOTES).deployments,
  ).toEqual([])
})
