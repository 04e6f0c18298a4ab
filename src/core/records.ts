import type { End, Exit, Health, RestartPolicy, StopIntent } from './process.ts'
import { isSignalName } from './exit.ts'
import { isCount, isObject, isText } from './json.ts'
import type { Json } from './json.ts'
import { parseProcessId } from './names.ts'
import type { ProcessId } from './names.ts'
import type { ProcessType } from './procfile.ts'
import type { Ending, Reason, Session, Stage } from './session.ts'
import type { Flags } from './settings.ts'
import { SESSION_VERSION } from './session.ts'

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
  const o = decodeObject(text)
  const id = o && isText(o['id']) ? parseProcessId(o['id'])?.id : undefined
  if (o === undefined || id === undefined || o['version'] !== 1) return undefined
  const { number, generation, session, command, port, cwd, token, scratch, bootId, pidNamespace } = o
  const { startedAt, startedWall, isProbed } = o
  if (typeof isProbed !== 'boolean') return undefined
  if (!isCount(number) || !isCount(generation) || !isCount(port) || !isTime(startedAt)) return undefined
  if (!isTime(startedWall) || !isToken(token) || !isText(session) || !isText(command)) return undefined
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

/** Of a command that may outlive its tw-run: that one's pid, where it means something, and what the command has. */
export interface WorkRecord {
  readonly pid: number
  readonly pidNamespace: string
  readonly scratch: string
}

/** Decodes the record of a command that carries `token`; undefined if it is not one. */
export function decodeWork(text: string, token: string): WorkRecord | undefined {
  const { pid, pidNamespace, scratch } = decodeObject(text) ?? {}
  if (!isToken(token) || !isCount(pid) || !isText(pidNamespace) || !isText(scratch)) return undefined
  // It is removed with all that is in it.
  return scratch.endsWith(`/tw-run-${token}`) ? { pid, pidNamespace, scratch } : undefined
}

/** Decodes a stop intent; undefined if it is not one. */
export function decodeStop(text: string): StopIntent | undefined {
  const o = decodeObject(text)
  if (o === undefined || !isSignal(o['signal']) || !isTime(o['killAt'])) return undefined
  const { drainUntil, why } = o
  if (why !== undefined && !isText(why)) return undefined
  const stop = { signal: o['signal'], killAt: o['killAt'], ...(isText(why) && { why }) }
  if (drainUntil === undefined) return stop
  return isTime(drainUntil) ? { ...stop, drainUntil } : undefined
}

/** Decodes what the checks of a run said last; nothing is known where it is damaged. */
export function decodeHealth(text: string): Health {
  const { bootedAt, readyAt, lostAt, reason, late, failed } = decodeObject(text) ?? {}
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
  const o = decodeObject(line)
  const exit = decodeExit(o?.['exit'])
  if (o === undefined || exit === undefined) return undefined
  const { run, generation, startedAt, endedAt, asked, jitter } = o
  if (!isCount(run) || !isCount(generation) || !isTime(startedAt) || !isTime(endedAt)) return undefined
  if (typeof asked !== 'boolean' || !isTime(jitter) || jitter > 1) return undefined
  return { run, generation, exit, startedAt, endedAt, asked, jitter }
}

/** Decodes formation.json; undefined if it is not one, or of another version. */
export function decodeSession(text: string): Session | undefined {
  const o = decodeObject(text)
  if (o === undefined || o['version'] !== SESSION_VERSION) return undefined
  const { id, bootId, pidNamespace, beganAt, over, isDetached, hasRouter } = o
  if (typeof hasRouter !== 'boolean' || typeof isDetached !== 'boolean') return undefined
  if (!isTime(beganAt)) return undefined
  const types = decodeTypes(o['types'])
  const counts = decodeNumbers(o['counts'], isTypeName)
  const generations = decodeNumbers(o['generations'], (name) => isTypeName(name) || isProcessId(name))
  const stopped = decodeProcesses(o['stopped'])
  const flags = decodeFlags(o['flags'])
  const stages = decodeStages(o['stages'])
  const ending = o['ending'] === undefined ? undefined : decodeEnding(o['ending'])
  if (types === undefined || counts === undefined || generations === undefined) return undefined
  if (stages === undefined || stopped === undefined || flags === undefined) return undefined
  if (o['ending'] !== undefined && ending === undefined) return undefined
  if (!isText(id) || !isText(bootId) || !isText(pidNamespace) || typeof over !== 'boolean') return undefined
  const place = { id, bootId, pidNamespace, beganAt }
  const wanted = { stages, types, counts, generations, stopped, hasRouter }
  const { isFixture } = o
  if (isFixture !== undefined && isFixture !== true) return undefined
  return { version: SESSION_VERSION, ...place, ...wanted, isDetached, isFixture, flags, ending, over }
}

function decodeEnding(value: unknown): Ending | undefined {
  if (!isObject(value)) return undefined
  const { code, hurried } = value
  const reason = decodeReason(value['reason'])
  if (!isCount(code) || code > 255 || typeof hurried !== 'boolean' || reason === undefined) return undefined
  return { code, reason, hurried }
}

function decodeReason(value: unknown): Reason | undefined {
  if (!isObject(value)) return undefined
  switch (value['kind']) {
    case 'all-exited':
    case 'reader-gone':
    case 'asked':
    case 'state-gone':
    case 'done':
      return { kind: value['kind'] }
    case 'signal':
      return isSignal(value['signal']) ? { kind: 'signal', signal: value['signal'] } : undefined
    case 'exit': {
      const process = isText(value['process']) ? parseProcessId(value['process'])?.id : undefined
      const exit = decodeExit(value['exit'])
      const inVain = decodeProcesses(value['inVain'])
      if (inVain === undefined && value['inVain'] !== undefined) return undefined
      return process && exit && { kind: 'exit', process, exit, ...(inVain !== undefined && { inVain }) }
    }
    default:
      return undefined
  }
}

function decodeExit(value: unknown): Exit | undefined {
  if (!isObject(value)) return undefined
  const { kind, code, signal, why, message, again } = value
  if (kind === 'unhealthy' && isText(why)) return { kind, why }
  if (kind === 'code' && isCount(code) && code <= 255) return { kind, code }
  if (kind === 'signal' && isSignal(signal)) return { kind, signal }
  if (kind === 'lost' && (why === 'reboot' || why === 'shim')) return { kind, why }
  if (kind === 'unstarted' && isText(message) && typeof again === 'boolean') return { kind, message, again }
  return undefined
}

function decodeNumbers(
  value: unknown,
  isName: (name: string) => boolean,
): Record<string, number> | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value)
  const good = entries.every(([name, count]) => isName(name) && isCount(count))
  return good ? Object.fromEntries(entries as [string, number][]) : undefined
}

/** None where an earlier tw-run wrote it, which did not write them down. */
function decodeTypes(value: unknown = []): ProcessType[] | undefined {
  if (!Array.isArray(value)) return undefined
  const types = value.flatMap((one): ProcessType[] => {
    const { name, command, line } = isObject(one) ? one : {}
    return isText(name) && isTypeName(name) && isText(command) && isCount(line)
      ? [{ name, command, line }]
      : []
  })
  return types.length === value.length ? types : undefined
}

/** A list of processes. */
function decodeProcesses(value: unknown): ProcessId[] | undefined {
  if (!Array.isArray(value)) return undefined
  const good = value.every((one) => isText(one) && isProcessId(one))
  return good ? (value as ProcessId[]) : undefined
}

/** Options as they were typed: texts, truths and lists of texts. What they mean is checked where they are used. */
function decodeFlags(value: unknown): Flags | undefined {
  if (!isObject(value)) return undefined
  const good = Object.values(value).every(
    (one) => isText(one) || typeof one === 'boolean' || (Array.isArray(one) && one.every(isText)),
  )
  return good ? (value as Flags) : undefined
}

function decodeStages(value: unknown): Stage[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const good = value.every((one) => one === 'build' || one === 'release' || one === 'formation')
  return good ? (value as Stage[]) : undefined
}

function decodeObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    // Not JSON is one of the ways not to be a record.
    return undefined
  }
}

function isTypeName(name: string): boolean {
  return isProcessId(`${name}.1`)
}

function isProcessId(text: string): boolean {
  return parseProcessId(text) !== undefined
}

function isSignal(value: unknown): value is string {
  return isText(value) && isSignalName(value)
}

/** Tokens are searched for in argument lists and environments: a short one would match strangers. */
export function isToken(value: unknown): value is string {
  return isText(value) && /^[0-9a-f]{16}$/.test(value)
}

function isTime(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0
}
