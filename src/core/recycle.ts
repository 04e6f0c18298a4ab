import type { ProcessId } from './names.ts'
import { ROUTER } from './router.ts'
import { isReady, typeOf } from './readiness.ts'
import type { Observed, ProcessState, Want } from './process.ts'

/** A process is replaced up to this share of its time earlier, so that not all are due at once. */
const JITTER_SHARE = 0.2

export interface Recycling {
  /** The process to be replaced now: at most one of a type at a time. */
  readonly due: readonly ProcessId[]
  /** When the next one is due, ms since boot. */
  readonly nextAt: number
}

/**
 * Which processes have been up for long enough to be replaced, the oldest of each type first, and only while
 * every other one of its type is ready: never all of one type at once. `everyMs` is their longest life.
 */
export function recycling(
  everyMs: number,
  wants: ReadonlyMap<ProcessId, Want>,
  observed: Observed,
  now: number,
): Recycling {
  const oldest = new Map<string, { id: ProcessId; at: number }>()
  const unready = new Set<string>()
  for (const id of wants.keys()) {
    // It has nothing of the app in it.
    if (id === ROUTER) continue
    const state = observed.get(id)
    const type = typeOf(id)
    if (state?.phase !== 'up' || !isReady(state, now)) unready.add(type)
    else {
      const at = dueAt(state, everyMs)
      if (at < (oldest.get(type)?.at ?? Infinity)) oldest.set(type, { id, at })
    }
  }
  const first = [...oldest].filter(([type]) => !unready.has(type)).map(([, one]) => one)
  return {
    due: first.filter(({ at }) => at <= now).map(({ id }) => id),
    nextAt: Math.min(Infinity, ...first.map(({ at }) => at)),
  }
}

/** The jitter comes from the token, which is random and on disk: every supervisor computes the same time. */
function dueAt({ run }: ProcessState & { phase: 'up' }, everyMs: number): number {
  const share = Number.parseInt(run.token.slice(0, 8), 16) / 2 ** 32
  return run.startedAt + everyMs * (1 - JITTER_SHARE * share)
}
