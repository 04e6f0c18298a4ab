import { STEADY_MS, together } from './engine.ts'
import type { Culprit, Rollout } from './engine.ts'
import { processId } from './names.ts'
import { isWanted, reasonOf } from './swarm.ts'
import type { SwarmService, SwarmSight, SwarmTask } from './swarm.ts'

/** What was there before a roll-out, and what was seen of it so far. */
export interface SwarmBaseline {
  /** Tasks that are no news. */
  readonly known: ReadonlySet<string>
  /** The last update of each service, by its id, as `updateKey` has it. */
  readonly updates: ReadonlyMap<string, string>
  /** When each task was first seen running, and each complaint first heard; ms on a clock that never jumps. */
  readonly firstSeen: ReadonlyMap<string, number>
}

/** So many ends of new processes are a crash loop. */
const ENDS_OF_A_LOOP = 3
/** ms for which a cluster may have no room before that is final. */
const ROOM_WITHIN_MS = 15_000
const NEVER_STARTS =
  /no such image|manifest unknown|pull access denied|not found|invalid mount|executable file/i

/** Whether the services of these types run as they were asked to. `now` as in the baseline. */
export function rolloutOf(
  { services, tasks }: SwarmSight,
  names: readonly string[],
  baseline: SwarmBaseline,
  now: number,
): Rollout {
  const stands = services
    .filter(({ type }) => names.includes(type.name))
    .map((service) => serviceRollout(service, tasks, baseline, now))
  const absent = names
    .filter((name) => !services.some(({ type }) => type.name === name))
    .map((name): Rollout => {
      return { state: 'waiting', why: [`${name}: there is no such service`], culprits: [] }
    })
  return together([...absent, ...stands])
}

function isWithoutRoom(
  { id, state, error }: SwarmTask,
  firstSeen: ReadonlyMap<string, number>,
  now: number,
): boolean {
  const isRefused = state === 'pending' && /no suitable node/.test(error)
  return isRefused && now - (firstSeen.get(id) ?? now) > ROOM_WITHIN_MS
}

/** Which update it is, and how that stands. */
export function updateKey({ update, updateStartedAt }: SwarmService): string {
  return `${update} ${updateStartedAt}`
}

function isOver({ update }: SwarmService): boolean {
  return update !== 'updating' && update !== 'rollback_started'
}

function serviceRollout(
  service: SwarmService,
  tasks: readonly SwarmTask[],
  { known, updates, firstSeen }: SwarmBaseline,
  now: number,
): Rollout {
  const { type, updateMessage, version, mayEnd } = service
  // How an earlier update ended is no news of this one.
  const update = updates.get(service.id) === updateKey(service) && isOver(service) ? '' : service.update
  const own = tasks.filter((task) => task.serviceId === service.id)
  const isDone = ({ state }: SwarmTask): boolean => mayEnd && state === 'complete'
  const ended = own.filter(
    (task) => !known.has(task.id) && ['failed', 'rejected', 'complete'].includes(task.state) && !isDone(task),
  )
  const culprits = ended
    .slice(0, 1)
    .map(({ id, slot }): Culprit => ({ process: processId(type.name, slot), id }))
  const says = [...new Set(ended.map(({ slot, error }) => `${processId(type.name, slot)}: ${error}`))].slice(
    0,
    3,
  )
  const failed = (why: readonly string[]): Rollout => ({ state: 'failed', why, culprits })
  if (update === 'rollback_completed' || update === 'rollback_paused' || update === 'paused') {
    return failed([`${type.name}: ${update.replaceAll('_', ' ')}: ${updateMessage}`, ...says])
  }
  if (update === 'updating' || update === 'rollback_started') {
    return { state: 'waiting', why: [`${type.name}: ${update.replaceAll('_', ' ')}`, ...says], culprits }
  }
  if (ended.some(({ error }) => NEVER_STARTS.test(error)) || ended.length >= ENDS_OF_A_LOOP)
    return failed(says)
  const noRoom = own.filter((task) => isWithoutRoom(task, firstSeen, now))
  if (noRoom.length > 0) return failed([`${type.name}: ${noRoom[0]?.error ?? ''}`])
  const steady = own.filter(
    (task) =>
      (isDone(task) && task.version === version) ||
      (task.state === 'running' &&
        task.desired === 'running' &&
        task.version === version &&
        (known.has(task.id) || now - (firstSeen.get(task.id) ?? now) >= STEADY_MS)),
  )
  const missing = type.count - steady.length
  if (missing > 0) {
    // Up, and its check has not succeeded yet.
    const starting = own.find((task) => isWanted(task) && task.state === 'starting')
    const unready =
      starting === undefined ? [] : [{ process: processId(type.name, starting.slot), id: starting.id }]
    const pending = own.flatMap((task) => (isWanted(task) ? reasonOf(task) || [] : []))
    return {
      state: 'waiting',
      why: [`${type.name}: ${steady.length} of ${type.count} ready`, ...new Set([...says, ...pending])],
      culprits: culprits.length > 0 ? culprits : unready,
    }
  }
  const surplus = own.some(
    (task) => task.state === 'running' && !(task.desired === 'running' && task.version === version),
  )
  return surplus
    ? { state: 'waiting', why: [`${type.name}: old processes are stopping`], culprits: [] }
    : { state: 'ready' }
}
