import { parseProcessId } from './names.ts'
import type { ProcessId } from './names.ts'
import type { Observed, ProcessState, Run, Want } from './process.ts'
import type { Dependency } from './rules.ts'

/** A process that has been up for this long (ms) is ready, where no check says anything better. */
export const READY_AFTER_MS = 1_000

/** Whether it does its work: up is not ready. `now` is ms since boot. */
export function isReady(state: ProcessState | undefined, now: number): boolean {
  if (state?.phase !== 'up') return false
  const { run } = state
  return run.isProbed ? run.health.readyAt !== undefined : now - run.startedAt >= READY_AFTER_MS
}

/** What a process waits for before it may be started: the wanted processes that are not where they have to be. */
export function awaitedBy(
  { dependsOn = [] }: Want,
  wants: ReadonlyMap<ProcessId, Want>,
  observed: Observed,
  now: number,
): ProcessId[] {
  return dependsOn.flatMap((dependency) => {
    const those = [...wants].filter(([, { plan }]) => plan.type === dependency.type)
    return those.flatMap(([id, want]) => (isMet(dependency, want, observed.get(id), now) ? [] : [id]))
  })
}

function isMet(
  { until }: Dependency,
  { generation }: Want,
  state: ProcessState | undefined,
  now: number,
): boolean {
  if (state === undefined || !('run' in state) || state.run.generation !== generation) return false
  if (until === 'ready') return isReady(state, now)
  return state.phase === 'exited' && state.exit.kind === 'code' && state.exit.code === 0
}

/** When something may get ready only because time goes by, ms since boot; Infinity where nothing does. */
export function nextReadyAt(observed: Observed, now: number): number {
  let at = Infinity
  for (const state of observed.values()) {
    if (state.phase !== 'up' || state.run.isProbed) continue
    const readyAt = state.run.startedAt + READY_AFTER_MS
    if (readyAt > now) at = Math.min(at, readyAt)
  }
  return at
}

/** The type of a process, for rules that hold for all of a type. */
export function typeOf(id: ProcessId): string {
  return parseProcessId(id)?.type ?? id
}

/** The runs of the wanted processes that are up. */
export function upIn(wants: ReadonlyMap<ProcessId, Want>, observed: Observed): Run[] {
  return [...wants.keys()].flatMap((id) => {
    const state = observed.get(id)
    return state?.phase === 'up' ? [state.run] : []
  })
}
