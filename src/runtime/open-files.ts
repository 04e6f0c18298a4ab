import { execFileSync } from 'node:child_process'
import { socketsListenedOn } from './listeners.ts'
import { linkOf, namesIn, textOf } from './proc-files.ts'

/** What one process has open that others could have open, too. */
export interface OpenThings {
  /** Regular files open for writing. */
  readonly files: readonly string[]
  /** What its writable shared memory is a mapping of. */
  readonly memory: readonly string[]
  readonly ports: readonly number[]
}

/** What cannot be looked at on this machine. */
export const NOT_LOOKED_AT: readonly string[] =
  process.platform === 'linux' ? [] : ['writable memory that processes share (only where /proc is)']

/** Inode to port of those of these sockets, named by inode, that are listened on; others in it are not looked at. */
export type PortsOf = (sockets: ReadonlySet<string>) => ReadonlyMap<string, number>

/** What these processes have open now. Those that end meanwhile, or are not ours to see, have nothing. */
export function openThings(
  pids: readonly number[],
  portsOf: PortsOf = () => socketsListenedOn(),
): Map<number, OpenThings> {
  return process.platform === 'linux' ? fromProc(pids, portsOf) : fromLsof(pids)
}

function fromProc(pids: readonly number[], portsOf: PortsOf): Map<number, OpenThings> {
  const found = pids.map((pid) => ({ pid, ...lookAt(pid) }))
  const ports = portsOf(new Set(found.flatMap(({ sockets }) => sockets)))
  return new Map(
    found.map(({ pid, files, memory, sockets }) => [
      pid,
      { files, memory, ports: sockets.flatMap((socket) => ports.get(socket) ?? []) },
    ]),
  )
}

interface Looked extends Omit<OpenThings, 'ports'> {
  /** By inode. */
  readonly sockets: readonly string[]
}

function lookAt(pid: number): Looked {
  const files: string[] = []
  const sockets: string[] = []
  for (const fd of namesIn(`/proc/${pid}/fd`)) {
    const link = linkOf(`/proc/${pid}/fd/${fd}`)
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1]
    if (inode !== undefined) sockets.push(inode)
    if (isFile(link) && isForWriting(textOf(`/proc/${pid}/fdinfo/${fd}`))) files.push(link)
  }
  return { files, memory: sharedMemory(textOf(`/proc/${pid}/maps`)), sockets }
}

function isFile(link: string): boolean {
  const isDevice = link.startsWith('/dev/') && !link.startsWith('/dev/shm/')
  return link.startsWith('/') && !isDevice && !link.startsWith('/proc/') && !link.endsWith(' (deleted)')
}

/** The two lowest bits of the flags, which are in octal: 1 is write-only, 2 is both. */
function isForWriting(fdinfo: string): boolean {
  const flags = /^flags:\s*([0-7]+)/m.exec(fdinfo)?.[1] ?? '0'
  return (Number.parseInt(flags, 8) & 3) !== 0
}

/** The mappings that are writable and shared, named by file, or for those without a name by their inode. */
export function sharedMemory(maps: string): string[] {
  const found = new Set<string>()
  for (const [, device = '', inode = '', name = ''] of maps.matchAll(/^\S+ .w.s \S+ (\S+) (\d+)\s*(.*)$/gm)) {
    // Of System V's segments it is the number of the segment, and they begin with 0.
    if ((inode === '0' && !name.startsWith('/SYSV')) || name.startsWith('/dev/zero')) continue
    if (name.startsWith('/dev/') && !name.startsWith('/dev/shm/')) continue
    // What a process shares with the kernel: each Node 24 has such rings.
    if (name.startsWith('anon_inode:')) continue
    const isNamed = name !== '' && !name.endsWith(' (deleted)')
    found.add(isNamed ? name : `${name.replace(/ \(deleted\)$/, '') || 'memory'} (${device} ${inode})`)
  }
  return [...found]
}

function fromLsof(pids: readonly number[]): Map<number, OpenThings> {
  let output = ''
  try {
    output = execFileSync('lsof', ['-nP', '-p', pids.join(','), '-F', 'pfatnT'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch (error) {
    // It calls a process that has ended a failure, and prints what it found of the others all the same.
    output = (error as { stdout?: string }).stdout ?? ''
  }
  return parseOpenFiles(output)
}

/** Reads what `lsof -F pfatnT` prints: a line p<pid>, then for each file f, a<access>, t<type>, n<name>, TST=<state>. */
export function parseOpenFiles(output: string): Map<number, OpenThings> {
  const found = new Map<number, { files: string[]; memory: string[]; ports: number[] }>()
  let now = { files: [] as string[], memory: [] as string[], ports: [] as number[] }
  let [access, type, name] = ['', '', '']
  const take = (isListening: boolean): void => {
    if (type === 'REG' && /[wu]/.test(access) && isFile(name)) now.files.push(name)
    const port = isListening ? /:(\d+)$/.exec(name)?.[1] : undefined
    if (port !== undefined) now.ports.push(Number(port))
  }
  for (const line of output.split('\n')) {
    const value = line.slice(1)
    if (line.startsWith('p')) found.set(Number(value), (now = { files: [], memory: [], ports: [] }))
    else if (line.startsWith('f')) [access, type, name] = ['', '', '']
    else if (line.startsWith('a')) access = value
    else if (line.startsWith('t')) type = value
    else if (line.startsWith('n')) {
      name = value
      take(false)
    } else if (line === 'TST=LISTEN') take(true)
  }
  return found
}
