import { isCount, isObject, isText, isTime, objectIn } from './json.ts'
import { parseProcessId } from './names.ts'
import type { ProcessId } from './names.ts'
import type { ProcessType } from './procfile.ts'
import { decodeExit, isSignal } from './records.ts'
import { SESSION_VERSION } from './session.ts'
import type { Ending, Reason, Session, Stage } from './session.ts'
import type { Flags } from './settings.ts'

/** Decodes formation.json; undefined if it is not one, or of another version. */
export function decodeSession(text: string): Session | undefined {
  const o = objectIn(text)
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

function isTypeName(name: string): boolean {
  return isProcessId(`${name}.1`)
}

function isProcessId(text: string): boolean {
  return parseProcessId(text) !== undefined
}
