import { labelNumber } from './engine.ts'
import type { EngineType, EngineView } from './engine.ts'
import { exitFromStatus } from './exit.ts'
import { at, listAt, numberAt, textAt } from './json.ts'
import { processId } from './names.ts'
import type { ProcessStatus } from './status.ts'

/** A service as `docker service inspect` has it. */
export interface SwarmService {
  readonly id: string
  /** `shop_web` */
  readonly name: string
  readonly type: EngineType
  /** What a task of its current version has in its own specification. */
  readonly version: string
  /** `updating`, `rollback_completed` ...; empty if the newest version has needed no update. */
  readonly update: string
  readonly updateMessage: string
  readonly updateStartedAt: string
  /** Whether a process that comes to its end with success has done its work. */
  readonly mayEnd: boolean
}

/** A task, one life of one process, as `docker inspect` has it. */
export interface SwarmTask {
  readonly id: string
  readonly serviceId: string
  readonly slot: number
  readonly nodeId: string
  /** `running`, `failed`, `rejected` ... */
  readonly state: string
  readonly desired: string
  /** In Docker's words: an error, else a message such as `started`. */
  readonly error: string
  readonly exitCode: number
  /** ISO 8601 of the last change of its state, and of when it was made. */
  readonly changedAt: string
  readonly createdAt: string
  readonly version: string
}

/** The labels that make a service one of ours. */
export interface Labels {
  readonly type: string
  readonly port: string
  readonly order: string
  readonly max: string
}

export function decodeService(value: unknown, labels: Labels): SwarmService | undefined {
  const own = at(value, 'Spec', 'Labels')
  const name = textAt(own, labels.type)
  if (name === '' || textAt(value, 'ID') === '') return undefined
  return {
    id: textAt(value, 'ID'),
    name: textAt(value, 'Spec', 'Name'),
    type: {
      name,
      count: numberAt(value, 'Spec', 'Mode', 'Replicated', 'Replicas'),
      port: labelNumber(textAt(own, labels.port)) ?? 0,
      order: labelNumber(textAt(own, labels.order)) ?? 0,
      max: labelNumber(textAt(own, labels.max)),
    },
    version: versionOf(at(value, 'Spec', 'TaskTemplate')),
    update: textAt(value, 'UpdateStatus', 'State'),
    updateMessage: textAt(value, 'UpdateStatus', 'Message'),
    updateStartedAt: textAt(value, 'UpdateStatus', 'StartedAt'),
    mayEnd: textAt(value, 'Spec', 'TaskTemplate', 'RestartPolicy', 'Condition') === 'on-failure',
  }
}

export function decodeTask(value: unknown): SwarmTask {
  return {
    id: textAt(value, 'ID'),
    serviceId: textAt(value, 'ServiceID'),
    slot: numberAt(value, 'Slot'),
    nodeId: textAt(value, 'NodeID'),
    state: textAt(value, 'Status', 'State'),
    desired: textAt(value, 'DesiredState'),
    error: textAt(value, 'Status', 'Err') || textAt(value, 'Status', 'Message'),
    exitCode: numberAt(value, 'Status', 'ContainerStatus', 'ExitCode'),
    changedAt: textAt(value, 'Status', 'Timestamp'),
    createdAt: textAt(value, 'CreatedAt'),
    version: versionOf(at(value, 'Spec')),
  }
}

/** Of a specification only what is the same text in a service and in its tasks. */
function versionOf(spec: unknown): string {
  const container = at(spec, 'ContainerSpec')
  const own = ['Image', 'Command', 'Args', 'Env', 'Healthcheck', 'StopSignal'].map((key) =>
    at(container, key),
  )
  const secrets = listAt(container, 'Secrets').map((secret) => textAt(secret, 'SecretName'))
  return JSON.stringify([...own, secrets, numberAt(spec, 'ForceUpdate')])
}

/** What is seen of an app on a Swarm; `nodes` holds host names by id. */
export interface SwarmSight {
  readonly services: readonly SwarmService[]
  readonly tasks: readonly SwarmTask[]
  readonly nodes: ReadonlyMap<string, string>
}

/** What `ps` says; `ageOf` is how long ago a time in ISO 8601 was, in ms. */
export function viewOf(sight: SwarmSight, ageOf: (iso: string) => number): EngineView {
  const services = sight.services.toSorted((a, b) => a.type.order - b.type.order)
  const rows = services.flatMap((service) =>
    slotsOf(service, sight.tasks).map((slot) => {
      const found = row(service, slot, ageOf)
      return { ...found.row, node: sight.nodes.get(found.nodeId) ?? '' }
    }),
  )
  const notes = services.flatMap(({ type, update, updateMessage }) =>
    /rollback|paused/.test(update) ? [`${type.name}: ${update.replaceAll('_', ' ')}: ${updateMessage}`] : [],
  )
  return { types: services.map(({ type }) => type), rows, notes }
}

type Slot = readonly [number, readonly SwarmTask[]]

/** The tasks of each slot that is wanted or still lives, the newest first. */
function slotsOf({ id, type }: SwarmService, tasks: readonly SwarmTask[]): Slot[] {
  const slots = new Map<number, SwarmTask[]>()
  for (const task of tasks) {
    if (task.serviceId === id) slots.set(task.slot, [...(slots.get(task.slot) ?? []), task])
  }
  const sorted = [...slots].map(
    ([slot, of]) => [slot, of.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))] as const,
  )
  const living = sorted.filter(([, of]) => of.some((task) => isWanted(task) || !isOver(task)))
  const extra = sorted
    .filter((one) => !living.includes(one))
    .slice(0, Math.max(0, type.count - living.length))
  return [...living, ...extra].toSorted(([a], [b]) => a - b)
}

export function isWanted({ desired }: SwarmTask): boolean {
  return desired === 'running' || desired === 'ready' || desired === 'complete'
}

function isOver({ state }: SwarmTask): boolean {
  return ['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'].includes(state)
}

function row(
  { type }: SwarmService,
  [slot, tasks]: Slot,
  ageOf: (iso: string) => number,
): { readonly row: ProcessStatus; readonly nodeId: string } {
  const newest = tasks.find(isWanted) ?? tasks[0]
  const ends = tasks.filter((task) => task.state === 'failed' || task.state === 'complete')
  const startedAt = newest?.state === 'running' ? newest.changedAt : (newest?.createdAt ?? '')
  const last = ends[0]
  const reason = newest === undefined || newest.state === 'running' ? '' : reasonOf(newest)
  const status: ProcessStatus = {
    process: processId(type.name, slot),
    type: type.name,
    instance: slot,
    phase: phaseOf(newest, last),
    ready: newest?.state === 'running' && isWanted(newest),
    pid: null,
    port: type.port,
    startedAt,
    upFor: newest?.state === 'running' ? ageOf(startedAt) : 0,
    restarts: ends.length,
    lastExit: last === undefined ? null : exitOf(last),
    engine: 'swarm',
    node: '',
    ...(reason === '' ? {} : { reason }),
  }
  return { row: status, nodeId: newest?.nodeId ?? '' }
}

function phaseOf(task: SwarmTask | undefined, end: SwarmTask | undefined): ProcessStatus['phase'] {
  if (task === undefined) return 'starting'
  switch (task.state) {
    case 'running':
      return isWanted(task) ? 'up' : 'stopping'
    case 'complete':
      return 'exited'
    case 'failed':
    case 'rejected':
      return 'crashed'
    case 'shutdown':
    case 'remove':
    case 'orphaned':
      return 'stopped'
    default:
      return task.desired === 'ready' && end !== undefined ? 'backoff' : 'starting'
  }
}

function exitOf({ exitCode }: SwarmTask): ProcessStatus['lastExit'] {
  const exit = exitFromStatus(exitCode)
  return exit.kind === 'signal' ? { signal: exit.signal } : { code: exitCode }
}

/** Docker's own words for why a task is not running, where they are more than the name of a step. */
export function reasonOf({ error, state }: SwarmTask): string {
  const says = ['failed', 'rejected', 'pending', 'orphaned'].includes(state)
  return says && error !== 'pending task scheduling' ? error : ''
}
