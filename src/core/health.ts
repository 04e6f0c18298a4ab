import type { Health } from './process.ts'
import { BOOT_LIMIT_MS, LISTENS } from './rules.ts'
import type { Check, CheckKind } from './rules.ts'

/** How soon after its start (ms) it is said what a process is waited for. */
const SAY_REASON_AFTER_MS = 1_000

/** A wait that grows is about this share of the time since the start. */
const WAIT_SHARE = 1 / 40

/** What is known of one check of a run. It is no more than a cache: to look again tells the same. */
export interface Trial {
  /** Since when a try is under way, ms since boot. */
  readonly begunAt?: number
  /** When the last try ended, ms since boot. */
  readonly endedAt?: number
  /** Failures in a row. */
  readonly failures: number
  /** The last try passed. */
  readonly hasPassed: boolean
  /** What the last try failed of. */
  readonly reason?: string
}

export const UNTRIED: Trial = { failures: 0, hasPassed: false }

/** What is known of a run when it is examined. Times are ms since boot. */
export interface Patient {
  readonly startedAt: number
  readonly checks: readonly Check[]
  /** One a check. */
  readonly trials: readonly Trial[]
  /** What is on disk. */
  readonly health: Health
  /** Whether somebody listens on the port that a check asks; undefined where nobody can tell. */
  readonly isListening: (check: Check) => boolean | undefined
}

/** What to do now, by the number of the check, when to look again, and what is known of the run by now. */
export interface Examined {
  /** Tries to begin. */
  readonly begin: readonly number[]
  /** Tries whose time is over. */
  readonly overdue: readonly number[]
  /** ms since boot. */
  readonly wakeAt: number
  readonly health: Health
}

/** A try begins. */
export function begun(trial: Trial, now: number): Trial {
  return { ...trial, begunAt: now }
}

/** A try ended: with a reason if it failed. */
export function ended(trial: Trial, reason: string | undefined, now: number): Trial {
  if (reason === undefined) return { endedAt: now, failures: 0, hasPassed: true }
  return { endedAt: now, failures: trial.failures + 1, hasPassed: false, reason }
}

/** What a try failed of whose time is over. */
export function timeoutReason({ timeoutMs }: Check): string {
  return `no answer within ${timeoutMs / 1_000} s`
}

/**
 * Which checks of a run are to be made now, and what they say together: startup checks until each has passed once,
 * then readiness checks, which may be lost again, and liveness checks, whose failure is for good. A check is never
 * made twice at once, and no sooner than its wait after its last try. `now` is ms since boot.
 */
export function examine(patient: Patient, now: number): Examined {
  const health = healthOf(patient, now)
  const begin: number[] = []
  const overdue: number[] = []
  let wakeAt = nextWord(patient, health, now)
  for (const [index, check] of patient.checks.entries()) {
    const trial = patient.trials[index] ?? UNTRIED
    // One under way has its time limit whatever becomes of the others.
    if (trial.begunAt === undefined && !isActive(check, trial, health)) continue
    const at = nextStep(patient, check, trial, now)
    if (at > now) wakeAt = Math.min(wakeAt, at)
    else if (trial.begunAt === undefined) begin.push(index)
    else overdue.push(index)
  }
  return { begin, overdue, wakeAt, health }
}

/** When the next try begins, or the one under way has lasted too long. */
function nextStep({ startedAt, isListening }: Patient, check: Check, trial: Trial, now: number): number {
  if (trial.begunAt !== undefined) return trial.begunAt + check.timeoutMs
  if (check.probe.by === 'uptime') return startedAt + check.probe.ms
  if (trial.endedAt !== undefined) return nextTry(check, startedAt, trial.endedAt)
  const dueAt = startedAt + check.initialDelayMs
  // Where nobody listens yet nobody can answer: no try is lost on that, and the first one comes at once.
  const isIdle = check.probe.by === 'http' && check.kind !== 'liveness' && isListening(check) === false
  return isIdle ? Math.max(dueAt, nextTry(LISTENS, startedAt, now)) : dueAt
}

/**
 * When to try again after a try that ended then. Where the wait grows, runs that wait as long are tried in the same
 * moment, since one look tells of all: of 200 there would be 200 looks.
 */
function nextTry({ waitMs, longestWaitMs }: Check, startedAt: number, endedAt: number): number {
  if (longestWaitMs === undefined) return endedAt + waitMs
  const wait = Math.max(waitMs, Math.min(longestWaitMs, (endedAt - startedAt) * WAIT_SHARE))
  const grid = waitMs * 2 ** Math.floor(Math.log2(wait / waitMs))
  return (Math.floor(endedAt / grid) + 1) * grid
}

function isActive({ kind, probe }: Check, trial: Trial, { bootedAt, failed }: Health): boolean {
  if (failed !== undefined) return false
  if (kind === 'startup') return bootedAt === undefined && !trial.hasPassed
  // Time only adds to what has been up for long enough.
  return bootedAt !== undefined && !(probe.by === 'uptime' && trial.hasPassed)
}

function healthOf(patient: Patient, now: number): Health {
  const { health, startedAt } = patient
  const isBooted = health.bootedAt !== undefined || of(patient, 'startup').every(hasPassed)
  const bootedAt = isBooted ? (health.bootedAt ?? now) : undefined
  const isReady = isBooted && of(patient, 'readiness').every((one) => isStillReady(one, health))
  const failed = health.failed ?? failureOf(patient)
  const known = { ...(bootedAt !== undefined && { bootedAt }), ...(failed !== undefined && { failed }) }
  if (isReady) return { ...known, readyAt: health.readyAt ?? now }
  const lostAt = health.readyAt === undefined ? health.lostAt : now
  const isSaid = now - startedAt >= SAY_REASON_AFTER_MS || lostAt !== undefined
  const reason = isSaid ? reasonOf(patient, isBooted ? 'readiness' : 'startup') : undefined
  const isLate = health.late === true || (lostAt === undefined && isTooLate(patient, now))
  return {
    ...known,
    ...(lostAt !== undefined && { lostAt }),
    ...(reason !== undefined && { reason }),
    ...(isLate && { late: true }),
  }
}

/** What is worth a word when one state of health follows another. */
export function healthChange(before: Health, after: Health): 'late' | 'lost' | 'regained' | undefined {
  if (after.late === true && before.late !== true) return 'late'
  if (before.readyAt !== undefined && after.readyAt === undefined) return 'lost'
  return before.lostAt !== undefined && after.readyAt !== undefined ? 'regained' : undefined
}

interface Tried {
  readonly check: Check
  readonly trial: Trial
}

function of({ checks, trials }: Patient, kind: CheckKind): Tried[] {
  return checks.flatMap((check, index) =>
    check.kind === kind ? [{ check, trial: trials[index] ?? UNTRIED }] : [],
  )
}

function hasPassed({ trial }: Tried): boolean {
  return trial.hasPassed
}

/** One that was ready is so until its check has failed so often in a row; one that was not, when it has passed. */
function isStillReady({ check, trial }: Tried, { readyAt }: Health): boolean {
  return readyAt === undefined ? trial.hasPassed : trial.failures < check.attempts
}

/** Its boot limit is over, or a startup check has had its tries: what waits for it waits in vain. */
function isTooLate(patient: Patient, now: number): boolean {
  if (now - patient.startedAt >= BOOT_LIMIT_MS) return true
  return of(patient, 'startup').some(({ check, trial }) => trial.failures >= check.attempts)
}

function failureOf(patient: Patient): string | undefined {
  const dead = of(patient, 'liveness').find(({ check, trial }) => trial.failures >= check.attempts)
  if (dead === undefined) return undefined
  const { name } = dead.check
  const { failures, reason = 'it failed' } = dead.trial
  return `${name}: ${reason}${failures > 1 ? `, ${failures} times in a row` : ''}`
}

function reasonOf(patient: Patient, kind: CheckKind): string | undefined {
  const unmet = of(patient, kind).filter((one) => !hasPassed(one))
  const [first] = unmet.flatMap(({ check, trial }) => waitingReason(patient, check, trial) ?? [])
  return first
}

function waitingReason({ isListening }: Patient, check: Check, { reason }: Trial): string | undefined {
  const { probe, name } = check
  if (probe.by === 'uptime') return `has to be up for ${probe.ms / 1_000} s`
  if (probe.by === 'listen') return reason
  if (reason !== undefined) return `${name}: ${reason}`
  return probe.by === 'http' && isListening(check) === false ? `${name}: nobody listens yet` : undefined
}

/** When something may have to be said only because time goes by. */
function nextWord({ startedAt }: Patient, { readyAt, lostAt, late }: Health, now: number): number {
  if (readyAt !== undefined || lostAt !== undefined || late === true) return Infinity
  const times = [startedAt + SAY_REASON_AFTER_MS, startedAt + BOOT_LIMIT_MS].filter((at) => at > now)
  return Math.min(Infinity, ...times)
}
