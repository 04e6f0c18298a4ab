import { readFileSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { printableCommand } from '../core/printable.ts'
import { pause } from './clock.ts'
import { linkOf } from './proc-files.ts'
import { readFile } from './read-to-end.ts'
import { failedWith } from './system-error.ts'
import { newestPid } from './pid-laps.ts'
import type { Carrier, Known } from './process-table.ts'

export { lapNow } from './pid-laps.ts'

const CARRIED = /(?:^|\0)TW_RUN_(INSTANCE|WITHIN)=([^\0]*)/g
/** Of the flags in /proc/pid/stat. */
const KERNEL_THREAD = 0x20_00_00
/** Where in /proc/pid/stat, counted from the state, the address stands at which the code begins. */
const CODE_AT = 23
/** And the two at which the environment begins and ends. */
const ENVIRONMENT_AT = 47
/** What executes a program shows its environment after so long, ms, or its disk is slow: it may wait for a processor. */
const EXECUTED_WITHIN_MS = 100
let buffer: Buffer = Buffer.alloc(64 * 1024)

export function carriers(tokens: ReadonlySet<string>): Carrier[] {
  return carriersAmong(pidsNow(), tokens)
}

export function carriersNow(tokens: ReadonlySet<string>, known?: Known): Carrier[] {
  const newest = newestPid()
  const first = pidsNow()
  known?.thereAre(first)
  let executing: number[] = []
  const found = carriersAmong(first, tokens, known, executing)
  // Who was not there before has a pid of its own, and to list all processes again takes 0.3 ms.
  if (newest === undefined || newestPid() !== newest) {
    const seen = new Set(first)
    const others = pidsNow().filter((pid) => !seen.has(pid))
    found.push(...carriersAmong(others, tokens, known, executing))
  }
  for (let looks = 0; executing.length > 0 && looks < EXECUTED_WITHIN_MS; looks += 1) {
    pause(1)
    const those = executing
    executing = []
    found.push(...carriersAmong(those, tokens, known, executing))
  }
  return found
}

/** `executing` gets those that are about to run another program, which show no environment for that moment. */
function carriersAmong(
  among: readonly number[],
  tokens: ReadonlySet<string>,
  known?: Known,
  executing: number[] = [],
): Carrier[] {
  if (tokens.size === 0) return []
  return among.flatMap((pid) => {
    if (known?.isOther(pid) === true) return []
    const environment = read(pid, 'environ')
    if (environment?.length === 0 && isExecuting(pid)) executing.push(pid)
    const carried = environment === undefined ? [] : tokensIn(environment)
    const token = carried.flatMap(({ list }) => list).find((one) => tokens.has(one))
    if (token === undefined) {
      const [own] = carried.find(({ isOwn }) => isOwn)?.list ?? []
      if (own !== undefined) known?.met(pid, own)
      return []
    }
    const group = groupOf(pid)
    // It ended between the two reads.
    if (group === undefined) return []
    return [{ pid, group, token, command: printableCommand(argumentsOf(pid) ?? '') }]
  })
}

/**
 * Of who showed no environment. Asked by one read: between two, who executes one program after the other may have been
 * put off its processor, and show the beginning of the next one.
 */
function isExecuting(pid: number): boolean {
  const fields = stat(pid)
  if (fields === undefined) return false
  const [state = 'X', , , , , , flags = '0'] = fields
  if (/[ZX]/.test(state) || (Number(flags) & KERNEL_THREAD) !== 0) return false
  // Where the code of a new program lies is told when its environment has been laid.
  return fields[CODE_AT] === '0' || fields[ENVIRONMENT_AT] !== fields[ENVIRONMENT_AT + 1]
}

export function argumentsOf(pid: number): string | undefined {
  const bytes = read(pid, 'cmdline')
  return bytes === undefined || bytes.length === 0 ? undefined : bytes.toString()
}

export function environmentOfProcess(pid: number): ReadonlyMap<string, string> | undefined {
  const bytes = read(pid, 'environ')
  if (bytes === undefined || bytes.length === 0) return undefined
  const entries = bytes
    .toString()
    .split('\0')
    .filter((entry) => entry.includes('='))
  return new Map(
    entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  )
}

export function childOf(pid: number): number | undefined {
  // One call of Node's, where read() takes four: it is asked of all that `ps` shows.
  const children = unlessGone(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
  const first = Number.parseInt(children ?? '', 10)
  return Number.isNaN(first) ? undefined : first
}

export function stateOf(pid: number): string | undefined {
  return stat(pid)?.[0]
}

export function groupOf(pid: number): number | undefined {
  const group = stat(pid)?.[2]
  return group === undefined ? undefined : Number(group)
}

export function isForegroundOf(pid: number): boolean {
  const [, , group, , , foreground] = stat(pid) ?? []
  return group !== undefined && group === foreground
}

export function mayHold(pid: number, path: string): boolean {
  try {
    const real = realpathSync(path)
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === real)
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ESRCH')) return false
    // Not ours to see.
    if (failedWith(error, 'EACCES', 'EPERM')) return true
    throw error
  }
}

export function titleOf(pid: number): string | undefined {
  return read(pid, 'comm')?.toString('latin1').trimEnd()
}

export function holds(pid: number, descriptor: number, path: string): boolean {
  try {
    const [held, file] = [statSync(`/proc/${pid}/fd/${descriptor}`), statSync(path)]
    return held.dev === file.dev && held.ino === file.ino
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return false
    throw error
  }
}

export function findByArgument(text: string): number[] {
  return pidsNow().filter((pid) => read(pid, 'cmdline')?.toString('latin1').split('\0').includes(text))
}

export function pidsNow(): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name)
    return Number.isNaN(pid) ? [] : [pid]
  })
}

interface Tokens {
  /** Whether it is of the run that started it, not of those around that. */
  readonly isOwn: boolean
  readonly list: readonly string[]
}

/** The tokens in an environment, which is the one that the process was executed with. */
function tokensIn(environment: Buffer): Tokens[] {
  if (!environment.includes('TW_RUN_')) return []
  const found = environment.toString('latin1').matchAll(CARRIED)
  return Array.from(found, ([, name, text = '']) => ({ isOwn: name === 'INSTANCE', list: text.split(',') }))
}

/** The fields of /proc/pid/stat from the state on: the name before it may hold blanks and brackets. */
function stat(pid: number): string[] | undefined {
  const text = read(pid, 'stat')?.toString('latin1')
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** The bytes of one of a process's files, valid until the next call; undefined if it is gone or not ours to see. */
function read(pid: number, name: string): Buffer | undefined {
  return unlessGone(() => readWhole(`/proc/${pid}/${name}`))
}

function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return undefined
    throw error
  }
}

function readWhole(path: string): Buffer {
  const { bytes, length } = readFile(path, buffer)
  buffer = bytes
  return bytes.subarray(0, length)
}

export function memoryOfGroups(groups: ReadonlySet<number>): Map<number, number> {
  const memory = new Map<number, number>()
  for (const pid of pidsNow()) {
    // Counted from the state, the group is the third field.
    const group = Number(stat(pid)?.[2])
    if (groups.has(group)) memory.set(group, (memory.get(group) ?? 0) + peakOf(pid))
  }
  return memory
}

/** The kernel keeps the peak itself, so that none is missed between two looks. */
function peakOf(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(read(pid, 'status')?.toString('latin1') ?? '') ?? []
  return Number(kilobytes ?? 0) * 1024
}
