import { isAsked } from './observe.ts'
import type { ProcessId } from './names.ts'
import { isAlive } from './process.ts'
import type { Action, Desired, Observed, Plan, ProcessState, Run, StopIntent } from './process.ts'
import { awaitedBy, nextReadyAt, typeOf } from './readiness.ts'
import { ROUTER } from './router.ts'
import type { StopRule } from './rules.ts'

/** How often one looks for what wakes nobody: the pid of a new shim, the end of a leftover. */
export const LOOK_AGAIN_MS = 50
/** How often SIGKILL is repeated: a process in an uninterruptible wait takes it late. */
export const KILL_AGAIN_MS = 1_000

/** How long after SIGKILL something may still be there before the run goes on without it, and says so. */
export const GIVE_UP_MS = 5_000

/** The steps from what runs to what should run. Level-based: it never asks what changed. `now` is ms since boot. */
export function reconcile(desired: Desired, observed: Observed, now: number): Plan {
  const actions: Action[] = []
  let wakeAt = Infinity
  const ports = portsInUse(observed)
  const take = (next: Action | number | undefined): void => {
    if (typeof next === 'number') wakeAt = Math.min(wakeAt, next)
    else if (next?.do !== 'start') actions.push(...(next === undefined ? [] : [next]))
    else if (awaitedBy(next.want, desired.wants, observed, now).length > 0) take(nextReadyAt(observed, now))
    // The end of who has its port wakes it.
    else if (!ports.has(next.want.plan.port)) actions.push(next)
  }
  // In the order of the Procfile, whatever is on record of earlier runs: it is the order in which a person reads them.
  for (const [id, want] of desired.wants) {
    const state = observed.get(id)
    take(state === undefined ? { do: 'start', want } : step(desired, observed, { id, state }, now))
  }
  for (const [id, state] of observed)
    if (!desired.wants.has(id)) take(step(desired, observed, { id, state }, now))
  return { actions, wakeAt: wakeAt === Infinity ? undefined : wakeAt }
}

/** An edited Procfile may give the port of one process to another before its holder has ended. */
function portsInUse(observed: Observed): ReadonlySet<number> {
  return new Set([...observed.values()].flatMap((state) => (isAlive(state) ? [state.run.port] : [])))
}

/** The next action for one process, the time to look again, or nothing to do. */
function step(
  desired: Desired,
  observed: Observed,
  { id, state }: { readonly id: ProcessId; readonly state: ProcessState },
  now: number,
): Action | number | undefined {
  const want = desired.wants.get(id)
  switch (state.phase) {
    case 'absent':
    case 'stopped':
      return want && { do: 'start', want }
    case 'starting':
    case 'up':
      if (want?.generation !== state.run.generation) return stop(desired, observed, state.run, now)
      return state.phase === 'up' ? whileUp(desired, observed, state, now) : now + LOOK_AGAIN_MS
    case 'stopping':
      return stopping(desired, observed, state, now)
    case 'sweeping':
      return sweeping(desired, state, now)
    case 'backoff':
      if (want === undefined) return undefined
      if (want.generation === state.run.generation && now < state.retryAt) return state.retryAt
      return { do: 'start', want }
    case 'exited':
    case 'crashed':
      return want && want.generation !== state.run.generation ? { do: 'start', want } : undefined
  }
}

function stop(desired: Desired, observed: Observed, run: Run, now: number): Action {
  return { do: 'stop', run, intent: intentFor(desired, observed, run, now) }
}

/** One that is not alive any more, by its own checks, is stopped for that; the policy says what comes after. */
function whileUp(
  desired: Desired,
  observed: Observed,
  { run }: ProcessState & { phase: 'up' },
  now: number,
): Action | undefined {
  const { failed: why } = run.health
  if (why === undefined) return undefined
  return { do: 'stop', run, intent: { ...intentFor(desired, observed, run, now), why } }
}

function stopRuleOf({ stops, stop }: Desired, { id }: Run): StopRule {
  return stops.get(typeOf(id)) ?? stop
}

function intentFor(desired: Desired, observed: Observed, run: Run, now: number): StopIntent {
  const { signal, graceMs, drainMs } = stopRuleOf(desired, run)
  if (drainMs === 0 || desired.hurried || !isRouted(observed)) return { signal, killAt: now + graceMs }
  return { signal, killAt: now + drainMs + graceMs, drainUntil: now + drainMs }
}

/** Whether a router lives that would let requests come to their end. */
function isRouted(observed: Observed): boolean {
  const state = observed.get(ROUTER)
  return state !== undefined && 'run' in state && state.run.life === 'alive'
}

function stopping(
  desired: Desired,
  observed: Observed,
  state: ProcessState & { phase: 'stopping' },
  now: number,
): Action | number {
  const { run, stop } = state
  const { graceMs } = stopRuleOf(desired, run)
  if (stop.drainUntil !== undefined) {
    const isOver = run.drained || desired.hurried || !isRouted(observed) || now >= stop.drainUntil
    if (!isOver) return Math.min(stop.drainUntil, now + LOOK_AGAIN_MS)
    const { drainUntil: _, ...intent } = stop
    return { do: 'stop', run, intent: { ...intent, killAt: now + graceMs } }
  }
  const killAt = desired.hurried ? Math.min(stop.killAt, now) : stop.killAt
  if (now >= killAt) {
    const dueAt = killDueAt(run, killAt)
    const isUntold = isTellable(run) && graceMs > LOOK_AGAIN_MS && !desired.hurried
    if (isMissed(dueAt, now) || isUntold) {
      // Nobody told it before nobody was there: its grace period has not begun.
      const grace = run.told || desired.hurried ? 0 : graceMs
      return { do: 'stop', run, intent: { ...stop, killAt: now + grace } }
    }
    return now >= dueAt ? { do: 'kill', run, killAt } : dueAt
  }
  // Without a pid there is no group to tell yet: its shim is about to write it.
  if (run.pid === undefined) return Math.min(killAt, now + LOOK_AGAIN_MS)
  return run.told ? killAt : { do: 'tell', run, signal: stop.signal }
}

/** The intent to stop it is there, and neither the stop signal nor SIGKILL was sent. */
function isTellable({ pid, told, killedAt }: Run): boolean {
  return pid !== undefined && !told && killedAt === undefined
}

/** When the next SIGKILL is due, ms since boot. */
function killDueAt({ killedAt = -Infinity }: Run, killAt: number): number {
  return Math.max(killAt, killedAt + KILL_AGAIN_MS)
}

/** No supervisor was there when SIGKILL was due, so the time in which it has to work begins anew. */
function isMissed(dueAt: number, now: number): boolean {
  return now >= dueAt + KILL_AGAIN_MS
}

/** Whether SIGKILL was sent again and again for GIVE_UP_MS and the run still lives. */
export function isUnkillable(run: Run, { killAt }: StopIntent, now: number): boolean {
  return run.killedAt !== undefined && now >= killAt + GIVE_UP_MS && !isMissed(killDueAt(run, killAt), now)
}

function sweeping(
  desired: Desired,
  state: ProcessState & { phase: 'sweeping' },
  now: number,
): Action | number {
  const { run, exit } = state
  if (run.leftovers === undefined) {
    if (run.leftoversKillAt === undefined || now < run.leftoversKillAt) return { do: 'look', run }
    // A supervisor was killed at this. Nobody knows whether it sent SIGKILL, so the time for that begins anew.
    return { do: 'tell-leftovers', run, signal: 'SIGKILL', killAt: now }
  }
  const finish: Action = { do: 'finish', run, exit, asked: isAsked(run) }
  if (run.leftovers.pids.length === 0) return finish
  if (run.leftoversKillAt === undefined) {
    const { signal, graceMs } = stopRuleOf(desired, run)
    const killAt = run.stop === undefined ? now + graceMs : Math.max(run.stop.killAt, now)
    return { do: 'tell-leftovers', run, signal: run.stop?.signal ?? signal, killAt }
  }
  const killAt = desired.hurried ? Math.min(run.leftoversKillAt, now) : run.leftoversKillAt
  const lookAt = run.leftovers.lookedAt + LOOK_AGAIN_MS
  if (now < lookAt) return lookAt
  if (now < killAt) return { do: 'look', run }
  return now < run.leftoversKillAt + GIVE_UP_MS ? { do: 'kill-leftovers', run, killAt } : finish
}
