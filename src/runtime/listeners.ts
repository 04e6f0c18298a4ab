import { execFileSync } from 'node:child_process'
import { printableCommand } from '../core/printable.ts'
import { withPid } from '../core/survivors.ts'
import { linkOf, namesIn, textOf } from './proc-files.ts'

/** Of IPv4 and of IPv6: to tell either takes the kernel 5 ms, of none or of many sockets. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/** Who listens on a port; pid and command are absent where the system does not tell this user. */
export interface PortHolder {
  readonly port: number
  readonly pid?: number
  /** Made safe to show, at most 80 characters. */
  readonly command?: string
}

interface Named {
  readonly pid?: number | undefined
  readonly command?: string | undefined
}

/** Who holds a port, in words: `node server.js (pid 4211)`. */
export function holderText({ pid, command }: Named): string {
  if (pid === undefined) return 'a process of another user'
  return command === undefined ? `pid ${pid}` : withPid({ pid, command })
}

/** Who listens on any of these TCP ports, on any address, now; in order of port. Asks /proc on Linux, else lsof. */
export function listenersOn(ports: readonly number[]): PortHolder[] {
  const wanted = new Set(ports)
  const holders = process.platform === 'linux' ? fromProc(wanted) : fromLsof(wanted)
  return holders.toSorted((one, other) => one.port - other.port || (one.pid ?? 0) - (other.pid ?? 0))
}

function fromProc(wanted: ReadonlySet<number>): PortHolder[] {
  const sockets = socketsListenedOn(wanted)
  // The walk over every process is dear, and nearly always for nothing.
  if (sockets.size === 0) return []
  const holders = new Map<string, PortHolder>()
  const found = new Set<number>()
  for (const { pid, inode } of openSockets(new Set(sockets.keys()))) {
    const port = sockets.get(inode)
    if (port === undefined) continue
    found.add(port)
    holders.set(`${port} ${pid}`, { port, pid, ...commandOf(pid) })
  }
  const unknown = [...new Set(sockets.values())].filter((port) => !found.has(port))
  return [...holders.values(), ...unknown.map((port) => ({ port }))]
}

/** Every TCP port of this machine that somebody listens on now, on any address. Linux. */
export function listeningPorts(): ReadonlySet<number> {
  const ports = new Set<number>()
  for (const table of TABLES.map(textOf)) {
    // The fourth column is the state; 0A is LISTEN.
    for (const [, port = ''] of table.matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ 0A /gm)) {
      ports.add(Number.parseInt(port, 16))
    }
  }
  return ports
}

/** Inode to port of every socket of this machine that is listened on now, on these ports or on any. Linux. */
export function socketsListenedOn(wanted?: ReadonlySet<number>): ReadonlyMap<string, number> {
  return new Map(TABLES.flatMap((table) => [...listeningSockets(textOf(table), wanted)]))
}

/** Inode to port of the listening sockets (state 0A) in a table of /proc/net: of these ports, or of all. */
export function listeningSockets(table: string, wanted?: ReadonlySet<number>): Map<string, number> {
  const sockets = new Map<string, number>()
  for (const row of table.split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/)
    const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)
    if (state === '0A' && wanted?.has(port) !== false) sockets.set(inode, port)
  }
  return sockets
}

function* openSockets(inodes: ReadonlySet<string>): Generator<{ pid: number; inode: string }> {
  const links = new Map([...inodes].map((inode) => [`socket:[${inode}]`, inode]))
  for (const name of namesIn('/proc')) {
    if (!/^\d+$/.test(name)) continue
    for (const fd of namesIn(`/proc/${name}/fd`)) {
      const inode = links.get(linkOf(`/proc/${name}/fd/${fd}`))
      if (inode !== undefined) yield { pid: Number(name), inode }
    }
  }
}

function commandOf(pid: number): { command?: string } {
  const words = textOf(`/proc/${pid}/cmdline`).split('\0').join(' ').trim()
  const command = words === '' ? textOf(`/proc/${pid}/comm`).trim() : words
  return command === '' ? {} : { command: printableCommand(command) }
}

function fromLsof(wanted: ReadonlySet<number>): PortHolder[] {
  try {
    const output = execFileSync('lsof', ['-nP', '-iTCP', '-sTCP:LISTEN', '-F', 'pcn'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return parseLsof(output, wanted)
  } catch {
    // lsof is missing, or found nothing, which it also calls a failure.
    return []
  }
}

/** Reads what `lsof -F pcn` prints: a line p<pid>, c<command> for each process, then n<address> for each socket. */
export function parseLsof(output: string, wanted: ReadonlySet<number>): PortHolder[] {
  const holders = new Map<string, PortHolder>()
  let pid = 0
  let command = ''
  for (const line of output.split('\n')) {
    const value = line.slice(1)
    if (line.startsWith('p')) pid = Number(value)
    if (line.startsWith('c')) command = printableCommand(value)
    if (!line.startsWith('n')) continue
    const port = Number(value.slice(value.lastIndexOf(':') + 1))
    if (wanted.has(port)) holders.set(`${port} ${pid}`, { port, pid, command })
  }
  return [...holders.values()]
}
