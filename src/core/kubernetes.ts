import { labelNumber } from './engine.ts'
import type { EngineType, EngineView } from './engine.ts'
import { exitFromStatus } from './exit.ts'
import { at, isObject, listAt, numberAt, textAt } from './json.ts'
import { processId } from './names.ts'
import type { ProcessStatus } from './status.ts'

/** Where an object of ours says what it is. */
export interface Notes {
  readonly type: string
  readonly port: string
  readonly order: string
  readonly max: string
  /** The label that a type's pods share with their Deployment. */
  readonly component: string
}

/** A Deployment, as far as it matters here. */
export interface Deployed {
  readonly name: string
  readonly component: string
  readonly type: EngineType
  /** Whether its controller has seen the newest specification. */
  readonly isObserved: boolean
  readonly replicas: number
  readonly updated: number
  readonly available: number
  /** `deployment.kubernetes.io/revision`: the ReplicaSet of the newest pods has the same. */
  readonly revision: string
  readonly conditions: readonly Condition[]
}

export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
}

/** A pod of a Deployment: one process. */
export interface Pod {
  readonly name: string
  readonly component: string
  /** Which ReplicaSet made it. */
  readonly hash: string
  readonly createdAt: string
  readonly node: string
  readonly isDeleted: boolean
  /** `Pending`, `Running`, `Failed` ... */
  readonly phase: string
  readonly isReady: boolean
  readonly restarts: number
  readonly startedAt: string
  /** `CrashLoopBackOff`, `ImagePullBackOff`, `Unschedulable` ...; empty while there is nothing to say. */
  readonly reason: string
  readonly message: string
  readonly state: 'waiting' | 'running' | 'terminated' | 'none'
  /** Of its last life. */
  readonly exitCode: number | undefined
}

/** All that one look at a cluster gives. */
export interface ClusterSight {
  readonly deployments: readonly Deployed[]
  readonly pods: readonly Pod[]
  /** The hash of the newest ReplicaSet of each Deployment, by its name. */
  readonly newest: ReadonlyMap<string, string>
}

const REVISION = 'deployment.kubernetes.io/revision'
const HASH = 'pod-template-hash'

/** Decodes a list of Deployments, ReplicaSets and Pods; what is of no type is not of the formation. */
export function decodeSight(list: unknown, notes: Notes): ClusterSight {
  const items = listAt(list, 'items')
  const of = (kind: string): readonly unknown[] => items.filter((item) => textAt(item, 'kind') === kind)
  const deployments = of('Deployment').flatMap((item) => decodeDeployment(item, notes) ?? [])
  const newest = of('ReplicaSet').flatMap((item) => {
    const owner = deployments.find(({ name }) => owns(item, name))
    const isNewest = owner?.revision === textAt(item, 'metadata', 'annotations', REVISION)
    return owner !== undefined && isNewest
      ? [[owner.name, textAt(item, 'metadata', 'labels', HASH)] as const]
      : []
  })
  return {
    deployments: deployments.toSorted((a, b) => a.type.order - b.type.order),
    pods: of('Pod').map((item) => decodePod(item, notes)),
    newest: new Map(newest),
  }
}

function owns(item: unknown, name: string): boolean {
  return listAt(item, 'metadata', 'ownerReferences').some(
    (owner) => textAt(owner, 'kind') === 'Deployment' && textAt(owner, 'name') === name,
  )
}

function decodeDeployment(item: unknown, notes: Notes): Deployed | undefined {
  const note = (key: string): string => textAt(item, 'metadata', 'annotations', key)
  const name = note(notes.type)
  if (name === '') return undefined
  const count = at(item, 'spec', 'replicas')
  return {
    name: textAt(item, 'metadata', 'name'),
    component: textAt(item, 'metadata', 'labels', notes.component),
    type: {
      name,
      count: typeof count === 'number' ? count : 1,
      port: labelNumber(note(notes.port)) ?? 0,
      order: labelNumber(note(notes.order)) ?? 0,
      max: labelNumber(note(notes.max)),
    },
    isObserved: numberAt(item, 'status', 'observedGeneration') >= numberAt(item, 'metadata', 'generation'),
    replicas: numberAt(item, 'status', 'replicas'),
    updated: numberAt(item, 'status', 'updatedReplicas'),
    available: numberAt(item, 'status', 'availableReplicas'),
    revision: note(REVISION),
    conditions: listAt(item, 'status', 'conditions').map(decodeCondition),
  }
}

function decodeCondition(value: unknown): Condition {
  return {
    type: textAt(value, 'type'),
    status: textAt(value, 'status'),
    reason: textAt(value, 'reason'),
    message: textAt(value, 'message'),
  }
}

export function decodePod(item: unknown, { component }: Pick<Notes, 'component'>): Pod {
  const [container] = listAt(item, 'status', 'containerStatuses')
  const conditions = listAt(item, 'status', 'conditions').map(decodeCondition)
  const unscheduled = conditions.find(
    ({ type, status, reason }) =>
      type === 'PodScheduled' && status === 'False' && reason !== 'SchedulingGated',
  )
  const state = at(container, 'state')
  const name = ['waiting', 'running', 'terminated'].find((one) => isObject(at(state, one)))
  const waiting = at(state, 'waiting')
  const ended = name === 'terminated' ? at(state, 'terminated') : at(container, 'lastState', 'terminated')
  return {
    name: textAt(item, 'metadata', 'name'),
    component: textAt(item, 'metadata', 'labels', component),
    hash: textAt(item, 'metadata', 'labels', HASH),
    createdAt: textAt(item, 'metadata', 'creationTimestamp'),
    node: textAt(item, 'spec', 'nodeName'),
    isDeleted: textAt(item, 'metadata', 'deletionTimestamp') !== '',
    phase: textAt(item, 'status', 'phase'),
    isReady: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    restarts: numberAt(container, 'restartCount'),
    startedAt:
      textAt(state, 'running', 'startedAt') ||
      textAt(item, 'status', 'startTime') ||
      textAt(item, 'metadata', 'creationTimestamp'),
    reason: unscheduled?.reason ?? (textAt(waiting, 'reason') || textAt(item, 'status', 'reason')),
    message: unscheduled?.message ?? (textAt(waiting, 'message') || textAt(item, 'status', 'message')),
    state: (name ?? 'none') as Pod['state'],
    exitCode: isObject(ended) ? numberAt(ended, 'exitCode') : undefined,
  }
}

/** Steps on the way that need no explanation. */
const USUAL = new Set(['', 'ContainerCreating', 'PodInitializing'])

export function podReason({ reason, message }: Pod): string {
  if (USUAL.has(reason)) return ''
  return message === '' ? reason : `${reason}: ${message}`
}

/** The living pods of a Deployment, the oldest first: their place is their number. */
export function podsOf({ component }: Deployed, pods: readonly Pod[]): Pod[] {
  return pods
    .filter((pod) => pod.component === component && !(pod.phase === 'Failed' || pod.phase === 'Succeeded'))
    .toSorted((a, b) => a.createdAt.localeCompare(b.createdAt) || a.name.localeCompare(b.name))
}

/** What `ps` says; `ageOf` is how long ago a time in ISO 8601 was, in ms. */
export function clusterView({ deployments, pods }: ClusterSight, ageOf: (iso: string) => number): EngineView {
  const rows = deployments.flatMap((deployment) =>
    podsOf(deployment, pods).map((pod, index) => row(deployment.type, pod, index + 1, ageOf)),
  )
  const notes = deployments.flatMap(({ type, conditions }) =>
    conditions.filter(isComplaint).map(({ reason, message }) => `${type.name}: ${reason}: ${message}`),
  )
  return { types: deployments.map(({ type }) => type), rows, notes }
}

export function isComplaint({ type, status, reason }: Condition): boolean {
  return (
    (type === 'ReplicaFailure' && status === 'True') ||
    (type === 'Progressing' && reason === 'ProgressDeadlineExceeded')
  )
}

function row(
  { name, port }: EngineType,
  pod: Pod,
  instance: number,
  ageOf: (iso: string) => number,
): ProcessStatus {
  const reason = podReason(pod)
  const phase = phaseOf(pod)
  return {
    process: processId(name, instance),
    type: name,
    instance,
    phase,
    ready: pod.isReady && phase === 'up',
    pid: null,
    port,
    startedAt: pod.startedAt,
    upFor: phase === 'up' ? ageOf(pod.startedAt) : 0,
    restarts: pod.restarts,
    lastExit: pod.exitCode === undefined ? null : exitOf(pod.exitCode),
    engine: 'kubernetes',
    node: pod.node,
    ...(reason === '' ? {} : { reason }),
  }
}

function phaseOf({ isDeleted, state, reason }: Pod): ProcessStatus['phase'] {
  if (isDeleted) return 'stopping'
  if (state === 'running') return 'up'
  if (state === 'terminated' || reason === 'CrashLoopBackOff') return 'backoff'
  return 'starting'
}

function exitOf(status: number): ProcessStatus['lastExit'] {
  const exit = exitFromStatus(status)
  return exit.kind === 'signal' ? { signal: exit.signal } : { code: status }
}
