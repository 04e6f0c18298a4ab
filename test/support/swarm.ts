import { spawn, execFileSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './live.ts'

/** What these tests need. */
export const SWARM_NEEDS = [
  'linux',
  'root',
  'dockerd',
  'docker',
  'ip',
  'nsenter',
  'unshare',
  'mount',
] as const

/**
 * A Docker daemon of its own, in namespaces of its own: nothing of it is seen outside but a socket, no port of it
 * can be in anybody's way, and killing it kills all that it runs, as when a machine dies.
 */
export interface Daemon {
  readonly name: string
  /** As DOCKER_HOST. */
  readonly host: string
  readonly address: string
  readonly docker: (...args: readonly string[]) => string
  kill(): Promise<void>
  stop(): Promise<void>
  log(): string
}

const folder = realpathSync(mkdtempSync('/tmp/tw-swarm-'))
const CGROUP = `tw-run-test-${process.pid}`
const space = (name: string): string => `tw${process.pid}${name}`

/** Two network namespaces with a cable between them; the second machine is the last of the address. */
export function layCable(names: readonly [string, string]): void {
  const [one, two] = names.map(space)
  if (one === undefined || two === undefined) return
  const [left, right] = [`a${process.pid}`, `b${process.pid}`]
  for (const name of [one, two]) ip('netns', 'add', name)
  ip('link', 'add', left, 'netns', one, 'type', 'veth', 'peer', 'name', right, 'netns', two)
  for (const [name, link, address] of [
    [one, left, '192.168.213.1'],
    [two, right, '192.168.213.2'],
  ] as const) {
    ip('-n', name, 'address', 'add', `${address}/24`, 'dev', link)
    ip('-n', name, 'link', 'set', link, 'up')
    ip('-n', name, 'link', 'set', 'lo', 'up')
  }
}

export function cutCable(names: readonly string[]): void {
  for (const name of names) {
    if (existsSync(`/run/netns/${space(name)}`)) ip('netns', 'delete', space(name))
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}

/** Starts a daemon on the machine of that name; returns when it answers. */
export async function startDaemon(name: string, address: string): Promise<Daemon> {
  const own = join(folder, name)
  mkdirSync(own)
  writeFileSync(join(own, 'none.json'), '{}')
  const host = `unix://${own}/d.sock`
  const script =
    'echo "$0" >/proc/sys/kernel/hostname; exec dockerd --config-file "$3/none.json" --iptables=false --ip6tables=false ' +
    '--bridge=none --storage-driver=vfs --data-root "$3/data" --exec-root "$3/exec" --pidfile "$3/pid" --host "$1" --cgroup-parent "$2" >"$3/log" 2>&1'
  const child = spawn(
    'nsenter',
    [
      `--net=/run/netns/${space(name)}`,
      'unshare',
      '--mount',
      '--uts',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '/bin/sh',
      '-c',
      script,
      name,
      host,
      `/${CGROUP}-${name}`,
      own,
    ],
    { cwd: own, stdio: 'ignore' },
  )
  const log = (): string => readFileSync(join(own, 'log'), 'utf8')
  const docker = (...args: readonly string[]): string =>
    execFileSync('docker', args, {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: own, DOCKER_HOST: host },
      timeout: 60_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  await until(
    () => `a Docker daemon; it says:\n${existsSync(join(own, 'log')) ? log().slice(-3_000) : ''}`,
    () => {
      if (child.exitCode !== null) throw new Error(`the Docker daemon ended:\n${log().slice(-3_000)}`)
      return existsSync(join(own, 'd.sock')) && answers(docker)
    },
    60_000,
  )
  return {
    name,
    host,
    address,
    docker,
    log,
    kill: () => end(child, 'SIGKILL'),
    stop: async () => {
      // unshare hands nothing on: the first process in there is asked by itself.
      const [pid] = childrenOf(child.pid ?? 0)
      if (pid !== undefined && child.exitCode === null) process.kill(pid, 'SIGTERM')
      await Promise.race([closed(child), new Promise((resolve) => setTimeout(resolve, 15_000).unref())])
      await end(child, 'SIGKILL')
    },
  }
}

function answers(docker: Daemon['docker']): boolean {
  try {
    return docker('version', '--format', '{{.Server.Version}}') !== ''
  } catch {
    // Not yet.
    return false
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    // It has ended.
    return []
  }
}

function closed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => child.once('exit', () => resolve()))
}

/** The whole machine: the first process of its pid namespace takes the rest with it. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const [first] = childrenOf(child.pid)
    process.kill(first ?? child.pid, signal)
  }
  await closed(child)
}

/** Removes everything that daemons left on this machine. */
export function cleanUpDaemons(): void {
  for (const controller of ['', ...readdirSync('/sys/fs/cgroup')]) {
    const root = join('/sys/fs/cgroup', controller)
    for (const name of foldersIn(root).filter((one) => one.startsWith(CGROUP))) removeCgroup(join(root, name))
  }
  rmSync(folder, { recursive: true, force: true })
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? one.name : []))
  } catch {
    // No folder: a file of the same place.
    return []
  }
}

function removeCgroup(path: string): void {
  for (const name of foldersIn(path)) removeCgroup(join(path, name))
  try {
    rmdirSync(path)
  } catch {
    // Its last process is on its way out; an empty group costs nothing.
  }
}

/** An image made of nothing but a shell, this Node, the libraries of both, and the files of an app; its name. */
export function importImage(daemons: readonly Daemon[], app: string): string {
  const root = join(folder, 'root')
  for (const name of ['bin', 'tmp', 'app', 'etc']) mkdirSync(join(root, name), { recursive: true })
  const programs = [
    ['/bin/sh', 'sh'],
    ['/bin/sleep', 'sleep'],
    [process.execPath, 'node'],
  ] as const
  for (const [file, name] of programs) {
    copyFileSync(realpathSync(file), join(root, 'bin', name))
    const libraries = execFileSync('ldd', [file], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)
    for (const [, library = ''] of libraries) {
      mkdirSync(dirname(join(root, library)), { recursive: true })
      copyFileSync(realpathSync(library), join(root, library))
    }
  }
  cpSync(fileURLToPath(new URL(`../../examples/${app}`, import.meta.url)), join(root, 'app'), {
    recursive: true,
  })
  const archive = join(folder, 'root.tar')
  execFileSync('tar', ['-C', root, '-cf', archive, '.'])
  for (const { docker } of daemons) {
    docker('import', '--change', 'WORKDIR /app', '--change', 'ENV PATH=/bin', archive, `${app}:1`)
  }
  return `${app}:1`
}
