import type { End, Exit, Health, RestartPolicy, StopIntent } from './process.ts'
import { isSignalName } from './exit.ts'
import { isCount, isObject, isText, isTime, objectIn } from './json.ts'
import { parseProcessId } from './names.ts'
import type { ProcessId } from './names.ts'

/** The last one that ECMAScript has, ms since 1970. */
const LATEST_DATE = 8.64e15

/** What a run's directory says about how it was started. It never holds an environment value. */
export interface RunSpec {
  readonly version: 1
  readonly id: ProcessId
  readonly number: number
  readonly generation: number
  readonly session: string
  readonly command: string
  readonly port: number
  readonly isProbed: boolean
  readonly policy?: RestartPolicy
  readonly cwd: string
  readonly token: string
  readonly scratch: string
  readonly bootId: string
  readonly pidNamespace: string
  /** ms since boot. */
  readonly startedAt: number
  /** ms since 1970, for people. */
  readonly startedWall: number
}

/** Decodes spec.json; undefined if it is not one. Whoever can write it is the user, but files get damaged. */
export function decodeRunSpec(text: string): RunSpec | undefined {
  const o = objectIn(text)
  const id = o && isText(o['id']) ? parseProcessId(o['id'])?.id : undefined
  if (o === undefined || id === undefined || o['version'] !== 1) return undefined
  const { number, generation, session, command, port, cwd, token, scratch, bootId, pidNamespace } = o
  const { startedAt, startedWall, isProbed } = o
  if (typeof isProbed !== 'boolean') return undefined
  if (!isCount(number) || !isCount(generation) || !isCount(port) || !isTime(startedAt)) return undefined
  if (!isDate(startedWall) || !isToken(token) || !isText(session) || !isText(command)) return undefined
  if (!isText(cwd) || !isText(scratch) || !isText(bootId) || !isText(pidNamespace)) return undefined
  if (!scratch.endsWith(token)) return undefined
  const policy = decodePolicy(o['policy'])
  if (policy === undefined && o['policy'] !== undefined) return undefined
  return {
    ...(policy !== undefined && { policy }),
    version: 1,
    id,
    number,
    generation,
    session,
    command,
    port,
    isProbed,
    cwd,
    token,
    scratch,
    bootId,
    pidNamespace,
    startedAt,
    startedWall,
  }
}

/** ms since 1970 that a date can be made of. */
function isDate(value: unknown): value is number {
  return isTime(value) && value <= LATEST_DATE
}

/** Of a command that may outlive its tw-run: that one's pid, where it means something, and what the command has. */
export interface WorkRecord {
  readonly pid: number
  readonly pidNamespace: string
  readonly scratch: string
}

/** Decodes the record of a command that carries `token`; undefined if it is not one. */
export function decodeWork(text: string, token: string): WorkRecord | undefined {
  const { pid, pidNamespace, scratch } = objectIn(text) ?? {}
  if (!isToken(token) || !isCount(pid) || !isText(pidNamespace) || !isText(scratch)) return undefined
  // It is removed with all that is in it.
  return scratch.endsWith(`/tw-run-${token}`) ? { pid, pidNamespace, scratch } : undefined
}

/** Decodes a stop intent; undefined if it is not one. */
export function decodeStop(text: string): StopIntent | undefined {
  const o = objectIn(text)
  if (o === undefined || !isSignal(o['signal']) || !isTime(o['killAt'])) return undefined
  const { drainUntil, why } = o
  if (why !== undefined && !isText(why)) return undefined
  const stop = { signal: o['signal'], killAt: o['killAt'], ...(isText(why) && { why }) }
  if (drainUntil === undefined) return stop
  return isTime(drainUntil) ? { ...stop, drainUntil } : undefined
}

/** Decodes what the checks of a run said last; nothing is known where it is damaged. */
export function decodeHealth(text: string): Health {
  const { bootedAt, readyAt, lostAt, reason, late, failed } = objectIn(text) ?? {}
  return {
    ...(isTime(bootedAt) && { bootedAt }),
    ...(isTime(readyAt) && { readyAt }),
    ...(isTime(lostAt) && { lostAt }),
    ...(isText(reason) && { reason }),
    ...(late === true && { late }),
    ...(isText(failed) && { failed }),
  }
}

function decodePolicy(value: unknown): RestartPolicy | undefined {
  if (!isObject(value)) return undefined
  const { when, limit } = value
  if (when !== 'no' && when !== 'on-failure' && when !== 'always') return undefined
  if (limit === undefined) return { when }
  return isCount(limit) ? { when, limit } : undefined
}

/** Decodes one line of a history; undefined for a line that is none, such as one cut off by a full disk. */
export function decodeEnd(line: string): End | undefined {
  const o = objectIn(line)
  const exit = decodeExit(o?.['exit'])
  if (o === undefined || exit === undefined) return undefined
  const { run, generation, startedAt, endedAt, asked, jitter } = o
  if (!isCount(run) || !isCount(generation) || !isTime(startedAt) || !isTime(endedAt)) return undefined
  if (typeof asked !== 'boolean' || !isTime(jitter) || jitter > 1) return undefined
  return { run, generation, exit, startedAt, endedAt, asked, jitter }
}

/** How a run ended, from a record. */
export function decodeExit(value: unknown): Exit | undefined {
  if (!isObject(value)) return undefined
  const { kind, code, signal, why, message, again } = value
  if (kind === 'unhealthy' && isText(why)) return { kind, why }
  if (kind === 'code' && isCount(code) && code <= 255) return { kind, code }
  if (kind === 'signal' && isSignal(signal)) return { kind, signal }
  if (kind === 'lost' && (why === 'reboot' || why === 'shim')) return { kind, why }
  if (kind === 'unstarted' && isText(message) && typeof again === 'boolean') return { kind, message, again }
  return undefined
}

export function isSignal(value: unknown): value is string {
  return isText(value) && isSignalName(value)
}

/** Tokens are searched for in argument lists and environments: a short one would match strangers. */
export function isToken(value: unknown): value is string {
  return isText(value) && /^[0-9a-f]{16}$/.test(value)
}
