import { isFailure } from './exit.ts'
import type { End, Exit, RestartPolicy } from './process.ts'

/** A run that lasted this long (ms) was healthy: the count of failures in a row begins anew. */
export const HEALTHY_AFTER_MS = 60_000
const FIRST_DELAY_MS = 1_000
const LONGEST_DELAY_MS = 60_000
/** Delays are stretched by up to this share, so that what fell together does not rise together. */
const JITTER_SHARE = 0.25

export type Verdict =
  | { readonly next: 'leave' }
  | { readonly next: 'give-up' }
  | { readonly next: 'retry'; readonly at: number }

/**
 * What becomes of a process whose last run ended by itself: read from the history alone, so that a
 * supervisor that was killed does not forget a crash loop. `at` is in ms since boot.
 */
export function afterEnd(policy: RestartPolicy, ends: readonly End[]): Verdict {
  const last = ends.at(-1)
  if (last === undefined) return { next: 'leave' }
  const streak = shortRunsInARow(ends, last.generation)
  const { length } = streak
  if (isRefusal(last.exit)) {
    // The first time that tw-run was killed over a start is no reason to wait.
    const steps = wasUnborn(last) ? length : length + 1
    return { next: 'retry', at: last.endedAt + delayBefore(steps, last.jitter) }
  }
  if (policy.when === 'no' || (policy.when === 'on-failure' && !isFailure(last.exit)))
    return { next: 'leave' }
  const failures = streak.filter(({ exit }) => !isRefusal(exit)).length
  if (policy.limit !== undefined && failures > policy.limit) return { next: 'give-up' }
  return { next: 'retry', at: last.endedAt + delayBefore(length, last.jitter) }
}

/** Whether a process comes back after this end by its policy: nobody asked for it, and it had begun. */
export function isRestartedFor({ asked, exit }: End): boolean {
  return !asked && exit.kind !== 'unstarted'
}

/** The kernel had no room for it just now: that is no end of the process, whatever its policy. */
function isRefusal(exit: Exit): boolean {
  return exit.kind === 'unstarted' && exit.again
}

/** Trailing runs of one generation that ended by themselves before they were healthy, the newest first. */
function shortRunsInARow(ends: readonly End[], generation: number): End[] {
  const streak: End[] = []
  for (const end of ends.toReversed()) {
    if (end.generation !== generation || (end.asked && !wasUnborn(end))) break
    if (end.endedAt - end.startedAt >= HEALTHY_AFTER_MS) break
    streak.push(end)
  }
  return streak
}

/**
 * Nothing is known of the run but that it was meant to be: its supervisor, or its shim, was killed too early.
 * It counts for the pace, else such a kill would make tw-run forget a crash loop, or go round in one.
 */
export function wasUnborn({ asked, exit }: End): boolean {
  return asked && exit.kind === 'unstarted'
}

/** ms before the next start after so many short runs: 0, 0, 1 s, 2 s, 4 s ... 60 s, stretched by the jitter. */
export function delayBefore(streak: number, jitter: number): number {
  if (streak <= 1) return 0
  const delay = Math.min(FIRST_DELAY_MS * 2 ** (streak - 2), LONGEST_DELAY_MS)
  return Math.round(delay * (1 + JITTER_SHARE * jitter))
}
