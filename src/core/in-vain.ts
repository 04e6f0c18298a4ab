import { describeExit } from './exit.ts'
import type { ProcessId } from './names.ts'
import { isAlive } from './process.ts'
import type { Observed, ProcessState, Want } from './process.ts'
import { awaitedBy } from './readiness.ts'

/** Processes that cannot be started since one that they wait for will not get there. */
export interface InVain {
  readonly waiting: readonly ProcessId[]
  readonly on: ProcessId
  /** What is the matter with that one, after "it ...". */
  readonly why: string
  /** It is over; else it may still get there. */
  readonly isOver: boolean
}

/** Who waits for what in vain, as things are now (ms since boot). */
export function inVain(wants: ReadonlyMap<ProcessId, Want>, observed: Observed, now: number): InVain[] {
  const waiting = new Map<ProcessId, ProcessId[]>()
  for (const [id, want] of wants) {
    if (want.dependsOn === undefined || want.dependsOn.length === 0) continue
    if (!isToStart(observed.get(id), want)) continue
    for (const on of awaitedBy(want, wants, observed, now)) waiting.set(on, [...(waiting.get(on) ?? []), id])
  }
  return [...waiting].flatMap(([on, ids]) => {
    const hopeless = hopelessness(observed.get(on), wants.get(on))
    return hopeless === undefined ? [] : [{ waiting: ids, on, ...hopeless }]
  })
}

/** The processes that wait for one and have never been started. */
export function waitingFor(
  on: ProcessId,
  wants: ReadonlyMap<ProcessId, Want>,
  observed: Observed,
  now: number,
): ProcessId[] {
  return [...wants].flatMap(([id, want]) =>
    isNew(observed.get(id), want) && awaitedBy(want, wants, observed, now).includes(on) ? [id] : [],
  )
}

/** Whether it is started as soon as nothing is in its way. */
export function isToStart(state: ProcessState | undefined, want: Want): boolean {
  return isNew(state, want) || state?.phase === 'backoff' || state?.phase === 'stopped'
}

/** No run of the generation that is wanted has been. */
function isNew(state: ProcessState | undefined, { generation }: Want): boolean {
  if (state === undefined || !('run' in state)) return true
  const { run } = state
  return !isAlive(state) && run.generation !== generation
}

function hopelessness(
  state: ProcessState | undefined,
  want: Want | undefined,
): Pick<InVain, 'why' | 'isOver'> | undefined {
  if (state === undefined || !('run' in state) || state.run.generation !== want?.generation) return undefined
  const { health } = state.run
  if (state.phase === 'exited' || state.phase === 'crashed')
    return { why: describeExit(state.exit), isOver: true }
  if (state.phase !== 'up' || health.late !== true) return undefined
  return { why: `is not ready: ${health.reason ?? 'its checks have not passed'}`, isOver: false }
}
