import type { End, Exit, ProcessState, RestartPolicy, Run, Slot } from './process.ts'
import { afterEnd, wasUnborn } from './restart.ts'

/**
 * The phase of a process, from what its directory and the kernel say. Total: every combination of facts
 * has an answer, and no combination needs to be remembered from an earlier look.
 */
export function observe(slot: Slot, policy: RestartPolicy): ProcessState {
  const { run } = slot
  if (run === undefined) return { phase: 'absent' }
  if (run.done) return atRest(run, slot.ends, policy)
  if (run.life === 'dead') return { phase: 'sweeping', run, exit: exitOf(run) }
  if (run.stop !== undefined) return { phase: 'stopping', run, stop: run.stop }
  return run.pid === undefined ? { phase: 'starting', run } : { phase: 'up', run, pid: run.pid }
}

/** How a dead run ended: what its shim wrote, else what we did to it, else what the silence means. */
function exitOf(run: Run): Exit {
  if (run.stop?.why !== undefined) return { kind: 'unhealthy', why: run.stop.why }
  if (run.exit !== undefined) return run.exit
  if (run.killedAt !== undefined) return { kind: 'signal', signal: 'SIGKILL' }
  if (isUnborn(run)) return { kind: 'unstarted', message: 'tw-run was killed before it could', again: true }
  return { kind: 'lost', why: 'shim' }
}

/** The directory of the run was made, and its supervisor died before the shim came to be. */
function isUnborn(run: Run): boolean {
  return run.pid === undefined && run.exit === undefined
}

/** Whether an end is nobody's failure: it was asked for, or the run never came to be. */
export function isAsked(run: Run): boolean {
  return isToldToStop(run) || isUnborn(run)
}

/** Whether somebody wanted it to stop, and not a failure of its own. */
export function isToldToStop({ stop }: Run): boolean {
  return stop !== undefined && stop.why === undefined
}

function atRest(run: Run, ends: readonly End[], policy: RestartPolicy): ProcessState {
  const last = ends.at(-1)
  // The end of a later run is of one that was refused before its directory had a name.
  if (last === undefined || last.run < run.number) return { phase: 'stopped', run }
  if (last.asked && !wasUnborn(last)) return { phase: 'stopped', run }
  const verdict = afterEnd(policy, ends)
  switch (verdict.next) {
    case 'leave':
      return { phase: 'exited', run, exit: last.exit, endedAt: last.endedAt }
    case 'give-up':
      return { phase: 'crashed', run, exit: last.exit, endedAt: last.endedAt }
    case 'retry':
      return { phase: 'backoff', run, exit: last.exit, retryAt: verdict.at }
  }
}
