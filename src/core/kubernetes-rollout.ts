import { together } from './engine.ts'
import type { Culprit, Rollout } from './engine.ts'
import { isComplaint, podReason, podsOf } from './kubernetes.ts'
import type { ClusterSight, Deployed, Pod } from './kubernetes.ts'
import { processId } from './names.ts'

/** What was there before, and what was seen since; all times in ms on a clock that never jumps. */
export interface ClusterBaseline {
  /** How often each pod had been restarted before. */
  readonly restarts: ReadonlyMap<string, number>
  /** When something was first seen: `<pod> restarted 2`, `<pod> Unschedulable`, `<deployment> FailedCreate`. */
  readonly firstSeen: ReadonlyMap<string, number>
}

/** So many restarts of one process are a crash loop, whatever its pod is called in between. */
const RESTARTS_OF_A_LOOP = 2
/** ms that a process has to stay up after a restart. */
const STEADY_AFTER_RESTART_MS = 20_000
/** ms for which what may pass by itself, such as a full cluster, may last. */
const PASSES_WITHIN_MS = 15_000
/** What no waiting mends. */
const FINAL = new Set([
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
])

/** The things whose first sight matters, each as one text. */
export function sightings({ deployments, pods }: ClusterSight): string[] {
  return [
    ...deployments.flatMap((one) =>
      one.conditions.filter(isComplaint).map(({ reason }) => `${one.name} ${reason}`),
    ),
    ...pods.map((pod) => restartKey(pod)),
    ...pods.flatMap((pod) => (pod.reason === '' ? [] : [`${pod.name} ${pod.reason}`])),
  ]
}

function restartKey({ name, restarts }: Pod): string {
  return `${name} restarted ${restarts}`
}

/** Whether these types run as they were asked to; the server's "rolled out" alone is not believed. */
export function clusterRollout(
  sight: ClusterSight,
  names: readonly string[],
  baseline: ClusterBaseline,
  now: number,
): Rollout {
  const stands = sight.deployments
    .filter(({ type }) => names.includes(type.name))
    .map((deployment) => deploymentRollout(deployment, sight, baseline, now))
  const absent = names
    .filter((name) => !sight.deployments.some(({ type }) => type.name === name))
    .map((name): Rollout => {
      return { state: 'waiting', why: [`${name}: there is no such Deployment`], culprits: [] }
    })
  return together([...absent, ...stands])
}

function deploymentRollout(
  deployment: Deployed,
  { pods, newest }: ClusterSight,
  baseline: ClusterBaseline,
  now: number,
): Rollout {
  const { name, type, isObserved, conditions } = deployment
  if (!isObserved)
    return { state: 'waiting', why: [`${type.name}: the cluster has not looked at it yet`], culprits: [] }
  const all = podsOf(deployment, pods)
  const hash = newest.get(name)
  const own = all.filter((pod) => !pod.isDeleted && pod.hash === hash)
  const nameOf = (pod: Pod): string => processId(type.name, all.indexOf(pod) + 1)
  const culpritsOf = (which: readonly Pod[]): Culprit[] =>
    which.slice(0, 1).map((pod) => ({ process: nameOf(pod), id: pod.name }))
  const lasts = (key: string): boolean => now - (baseline.firstSeen.get(key) ?? now) >= PASSES_WITHIN_MS
  const isFinal = (pod: Pod): boolean =>
    FINAL.has(pod.reason) ||
    newRestarts(pod, baseline) >= RESTARTS_OF_A_LOOP ||
    (pod.reason === 'Unschedulable' && lasts(`${pod.name} Unschedulable`))
  const complaints = conditions.filter(isComplaint)
  const lost = own.filter(isFinal)
  const late = complaints.filter(
    ({ reason }) => reason === 'ProgressDeadlineExceeded' || lasts(`${name} ${reason}`),
  )
  const troubled = own.filter(
    (pod) =>
      podReason(pod) !== '' || newRestarts(pod, baseline) > 0 || (pod.state === 'running' && !pod.isReady),
  )
  const says = [
    ...new Set([
      ...complaints.map(({ reason, message }) => `${type.name}: ${reason}: ${message}`),
      ...troubled.map((pod) => `${nameOf(pod)}: ${sayOf(pod)}`),
    ]),
  ].slice(0, 4)
  if (lost.length > 0 || late.length > 0) {
    return { state: 'failed', why: says, culprits: culpritsOf(lost.length > 0 ? lost : troubled) }
  }
  const steady = own.every(
    (pod) =>
      newRestarts(pod, baseline) === 0 ||
      now - (baseline.firstSeen.get(restartKey(pod)) ?? now) >= STEADY_AFTER_RESTART_MS,
  )
  const { count } = type
  const isThere =
    deployment.updated === count && deployment.available === count && deployment.replicas === count
  if (isThere && steady && complaints.length === 0) return { state: 'ready' }
  const stands = `${type.name}: ${Math.min(deployment.available, deployment.updated)} of ${count} ready`
  return { state: 'waiting', why: [stands, ...says], culprits: culpritsOf(troubled) }
}

function newRestarts({ name, restarts }: Pod, { restarts: before }: ClusterBaseline): number {
  return restarts - (before.get(name) ?? 0)
}

function sayOf(pod: Pod): string {
  const ended = pod.exitCode === undefined ? '' : ` (exit code ${pod.exitCode}, ${pod.restarts} restarts)`
  return `${podReason(pod) || (pod.isReady ? 'restarted' : 'up, but not ready')}${ended}`
}
