import { spawnSync } from 'node:child_process'
import { printableCommand } from '../core/printable.ts'
import type { Carrier } from './process-table.ts'

/**
 * Every living process that carries one of the tokens. `ps` prints the environment behind the arguments,
 * so a token among the arguments counts too; it is long and random, and only ours carry it.
 */
export function carriers(tokens: ReadonlySet<string>): Carrier[] {
  if (tokens.size === 0) return []
  return ps(['axeww', '-o', 'pid=,pgid=,stat=,command=']).flatMap((line) => {
    const [, pid, group, state = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    if (pid === undefined || state.startsWith('Z')) return []
    const carried = [...command.matchAll(/(?:^|\s)TW_RUN_(?:INSTANCE|WITHIN)=(\S*)/g)]
    const token = carried.flatMap(([, list = '']) => list.split(',')).find((one) => tokens.has(one))
    const shown = printableCommand(command.replace(/\s+[A-Za-z_][A-Za-z0-9_]*=.*$/, ''))
    return token === undefined ? [] : [{ pid: Number(pid), group: Number(group), token, command: shown }]
  })
}

export function carriersNow(tokens: ReadonlySet<string>): Carrier[] {
  const first = carriers(tokens)
  const seen = new Set(first.map(({ pid }) => pid))
  return [...first, ...carriers(tokens).filter(({ pid }) => !seen.has(pid))]
}

/** Not told. */
export function lapNow(): undefined {
  return undefined
}

export function pidsNow(): number[] {
  return ps(['ax', '-o', 'pid=']).map(Number)
}

export function argumentsOf(pid: number): string | undefined {
  return ps(['-ww', '-p', String(pid), '-o', 'command='])[0]
}

/** Unknown: `ps` prints values with blanks in them as it prints two variables. */
export function environmentOfProcess(): undefined {
  return undefined
}

export function childOf(pid: number): number | undefined {
  for (const line of ps(['ax', '-o', 'pid=,ppid='])) {
    const [child, parent] = line.trim().split(/\s+/)
    if (Number(parent) === pid) return Number(child)
  }
  return undefined
}

export function stateOf(pid: number): string | undefined {
  return ps(['-p', String(pid), '-o', 'stat='])[0]?.trim()[0]
}

export function groupOf(pid: number): number | undefined {
  const group = Number.parseInt(ps(['-p', String(pid), '-o', 'pgid='])[0] ?? '', 10)
  return Number.isNaN(group) ? undefined : group
}

/** `ps` does not say. */
export function mayHold(): boolean {
  return true
}

export function isForegroundOf(pid: number): boolean {
  const [group, foreground] = (ps(['-p', String(pid), '-o', 'pgid=,tpgid='])[0] ?? '').trim().split(/\s+/)
  return group !== undefined && group !== '' && group === foreground
}

/** Not told: what `ps` calls it is its program. */
export function titleOf(): undefined {
  return undefined
}

/** Not told. */
export function holds(): boolean {
  return false
}

export function findByArgument(text: string): number[] {
  const lines = ps(['axww', '-o', 'pid=,command=']).filter((one) => one.split(/\s+/).includes(text))
  return lines.map((line) => Number.parseInt(line, 10))
}

function ps(args: string[]): string[] {
  const { stdout } = spawnSync('ps', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  return (stdout ?? '').split('\n').filter((line) => line !== '')
}

export function memoryOfGroups(groups: ReadonlySet<number>): Map<number, number> {
  const memory = new Map<number, number>()
  for (const line of ps(['ax', '-o', 'pgid=,rss='])) {
    const [group = 0, kilobytes = 0] = line.trim().split(/\s+/).map(Number)
    if (groups.has(group)) memory.set(group, (memory.get(group) ?? 0) + kilobytes * 1024)
  }
  return memory
}
