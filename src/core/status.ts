import type { EngineName } from './engine-name.ts'
import { parseProcessId } from './names.ts'
import type { ProcessId } from './names.ts'
import { isAsked } from './observe.ts'
import type { End, Exit, Observed, ProcessState, Run } from './process.ts'
import { isReady } from './readiness.ts'
import { isRestartedFor } from './restart.ts'

/** What every command says of a process, with the same names everywhere. */
export interface ProcessStatus {
  readonly process: ProcessId
  readonly type: string
  readonly instance: number
  readonly phase: 'starting' | 'up' | 'stopping' | 'stopped' | 'backoff' | 'exited' | 'crashed'
  readonly ready: boolean
  /** Why it is not ready, in the words of its check or of its engine; absent where nothing is known. */
  readonly reason?: string
  /** The command's own pid, while it runs. */
  readonly pid: number | null
  readonly port: number
  /** ISO 8601, of the newest run. */
  readonly startedAt: string
  /** ms that the newest run has lasted, or lasted. */
  readonly upFor: number
  /** Restarts of the current generation. */
  readonly restarts: number
  readonly lastExit:
    | { readonly code: number }
    | { readonly signal: string }
    | { readonly unknown: string }
    | { readonly unhealthy: string }
    | null
  readonly engine: EngineName
  readonly node: string
}

export interface StatusContext {
  /** ms since boot. */
  readonly now: number
  readonly node: string
  /** A supervisor lives, which goes on with what is under way. */
  readonly isSupervised: boolean
  /** ISO 8601 of ms since 1970. */
  readonly isoOf: (wall: number) => string
  readonly endsOf: (id: ProcessId) => readonly End[]
  readonly pidOf: (run: Run) => number | undefined
}

/** The rows of `ps`, by type in the order given and by instance. */
export function statusOf(
  observed: Observed,
  order: readonly string[],
  context: StatusContext,
): ProcessStatus[] {
  const rows = [...observed].flatMap(([id, state]) => row(id, state, context) ?? [])
  const place = (type: string): number => (order.includes(type) ? order.indexOf(type) : order.length)
  // Not by localeCompare, whose first call loads the collation of every language.
  const byName = (a: string, b: string): number => Number(a > b) - Number(a < b)
  return rows.toSorted(
    (a, b) => place(a.type) - place(b.type) || byName(a.type, b.type) || a.instance - b.instance,
  )
}

function row(id: ProcessId, state: ProcessState, context: StatusContext): ProcessStatus | undefined {
  const parsed = parseProcessId(id)
  if (state.phase === 'absent' || parsed === undefined) return undefined
  const { run } = state
  const { now, node, isSupervised, endsOf, pidOf, isoOf } = context
  const ends = endsOf(id)
  const endedAt = run.life === 'alive' ? now : (run.endedAt ?? now)
  const restarts = ends.filter(
    (end) => end.generation === run.generation && end.run < run.number && isRestartedFor(end),
  ).length
  const last = 'exit' in state ? state.exit : (run.exit ?? ends.at(-1)?.exit)
  return {
    process: id,
    type: parsed.type,
    instance: parsed.instance,
    phase: phaseOf(state, isSupervised),
    ready: isReady(state, now),
    ...(state.phase === 'up' && run.health.reason !== undefined && { reason: run.health.reason }),
    pid: run.life === 'alive' ? (pidOf(run) ?? null) : null,
    port: run.port,
    startedAt: isoOf(run.startedWall),
    upFor: Math.round(Math.max(0, endedAt - run.startedAt)),
    restarts,
    lastExit: last === undefined ? null : exitStatus(last),
    engine: 'local',
    node,
  }
}

type Present = Exclude<ProcessState, { readonly phase: 'absent' }>

/** Who ended while nobody supervises is swept by the next supervisor, which may be long to come. */
function phaseOf(state: Present, isSupervised: boolean): ProcessStatus['phase'] {
  if (state.phase !== 'sweeping') return state.phase
  if (isSupervised) return 'stopping'
  return isAsked(state.run) ? 'stopped' : 'exited'
}

/** How a run ended, as every command says it. */
export function exitStatus(exit: Exit): NonNullable<ProcessStatus['lastExit']> {
  switch (exit.kind) {
    case 'code':
      return { code: exit.code }
    case 'signal':
      return { signal: exit.signal }
    case 'lost':
      return { unknown: exit.why }
    case 'unstarted':
      return { unknown: exit.message }
    case 'unhealthy':
      return { unhealthy: exit.why }
  }
}
