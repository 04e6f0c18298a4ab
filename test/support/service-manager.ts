import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kill9, until } from './live.ts'
import type { Requirement } from './requirement.ts'
import { cleanEnvironment } from './rig.ts'
import { startUserManager } from './systemd.ts'

/** A service manager for real, with one folder of exported files. */
export interface ServiceManager {
  /** Where to export to. */
  readonly folder: string
  /** Takes in what was exported, and starts it. */
  up(): Promise<void>
  restart(app: string, type: string, instance: number): void
  /** Stops one and keeps it down. */
  stop(app: string, type: string, instance: number): void
  /** Starts one that was stopped. */
  start(app: string, type: string, instance: number): void
  /** Whether it ended and is not started again. */
  hasGivenUp(app: string, type: string, instance: number): boolean
  /** How often it learned late that one had ended, took it to have been up, and counted anew; only supervisord does. */
  countedAnew?(type: string, instance: number): number
  /** Stops everything, and the manager. */
  end(): Promise<void>
}

export interface ManagerKind {
  readonly format: string
  readonly needs: readonly Requirement[]
  /** Whether nothing of a process is left when it is started again. */
  readonly endsGroups: boolean
  /** In a folder of its own. */
  open(folder: string): Promise<ServiceManager>
}

const ACTIONS = ['restart', 'stop', 'start'] as const

export const MANAGERS: readonly ManagerKind[] = [
  {
    format: 'systemd-user',
    needs: ['linux', 'root', 'systemctl', 'unshare', 'nsenter', 'mount'],
    endsGroups: true,
    open: systemd,
  },
  { format: 'supervisord', needs: ['linux', 'supervisord'], endsGroups: false, open: supervisord },
  { format: 'runit', needs: ['linux', 'runsvdir'], endsGroups: true, open: runit },
  { format: 's6', needs: ['linux', 's6-svscan'], endsGroups: true, open: s6 },
]

async function systemd(folder: string): Promise<ServiceManager> {
  const { units, control, stop } = await startUserManager(folder)
  const run = (...args: string[]): void => {
    const { code, text } = control(...args)
    if (code !== 0) throw new Error(`systemctl ${args.join(' ')} ended with ${code}: ${text}`)
  }
  const [restart, stopOne, start] = ACTIONS.map(
    (action) => (app: string, type: string, instance: number) => run(action, `${app}-${type}@${instance}`),
  ) as [ServiceManager['restart'], ServiceManager['stop'], ServiceManager['start']]
  const targets = (): string[] => readdirSync(units).filter((name) => /^(?!idle).*\.target$/.test(name))
  return {
    folder: units,
    restart,
    stop: stopOne,
    start,
    hasGivenUp: (app, type, instance) =>
      /^(failed|inactive)$/m.test(control('is-active', `${app}-${type}@${instance}`).text),
    up: async () => {
      run('daemon-reload')
      run('start', ...targets())
    },
    end: async () => {
      control('stop', ...targets())
      await stop()
    },
  }
}

async function supervisord(folder: string): Promise<ServiceManager> {
  const exported = join(folder, 'conf.d')
  const own = join(folder, 'supervisord.conf')
  mkdirSync(exported)
  writeFileSync(
    own,
    `[unix_http_server]
file=${folder}/socket
[supervisord]
logfile=${folder}/log
pidfile=${folder}/pid
childlogdir=${folder}
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${folder}/socket
[include]
files=${exported}/*.conf
`,
  )
  const by =
    (action: string) =>
    (app: string, type: string, instance: number): void =>
      run('supervisorctl', '-c', own, action, `${app}:${type}.${instance}`)
  let child: ChildProcess | undefined
  return {
    folder: exported,
    restart: by('restart'),
    stop: by('stop'),
    start: by('start'),
    hasGivenUp: (app, type, instance) =>
      / (FATAL|EXITED|STOPPED) /.test(
        ask('supervisorctl', '-c', own, 'status', `${app}:${type}.${instance}`),
      ),
    // It looks when the pipe of one closes, which may be before its pid can be waited for, and then after a second.
    countedAnew: (type, instance) =>
      readFileSync(`${folder}/log`, 'utf8').split(`success: ${type}.${instance} entered RUNNING`).length - 1,
    up: async () => {
      child = program('supervisord', '-n', '-c', own)
      await until('supervisord to answer', () => existsSync(`${folder}/socket`))
    },
    end: async () => ending(child, (running) => signal(running, 'SIGTERM')),
  }
}

async function runit(folder: string): Promise<ServiceManager> {
  const by =
    (...words: string[]) =>
    (app: string, type: string, instance: number): void =>
      run('sv', '-w', '10', ...words, join(folder, `${app}-${type}-${instance}`))
  const services = (): string[] => readdirSync(folder).map((name) => join(folder, name))
  let child: ChildProcess | undefined
  return {
    folder,
    restart: by('restart'),
    stop: by('down'),
    start: by('up'),
    hasGivenUp: (...one) => /^down: (?!.*want up)/.test(ask('sv', 'status', join(folder, one.join('-')))),
    up: async () => {
      child = program('runsvdir', folder)
    },
    end: async () => {
      const lines = (): string[] => ask('sv', 'status', ...services()).split('\n')
      // A finish script that says "down" to runsv after that was told to end keeps it from ending.
      let calmLooks = 0
      await until('no service to be in its finish script', () => {
        calmLooks = lines().some((line) => line.startsWith('finish:')) ? 0 : calmLooks + 1
        return calmLooks > 5
      })
      await ending(child, (running) => signal(running, 'SIGHUP'))
      // It tells them, and does not wait.
      const isGone = (line: string): boolean => line === '' || line.endsWith('runsv not running')
      await until('every runsv to end', () => lines().every(isGone))
    },
  }
}

async function s6(folder: string): Promise<ServiceManager> {
  const by =
    (...words: string[]) =>
    (app: string, type: string, instance: number): void =>
      run('s6-svc', '-T10000', ...words, join(folder, `${app}-${type}-${instance}`))
  let child: ChildProcess | undefined
  return {
    folder,
    restart: by('-wr', '-r'),
    stop: by('-wD', '-d'),
    start: by('-wu', '-u'),
    hasGivenUp: (...one) => /^down (?!.*want up)/.test(ask('s6-svstat', join(folder, one.join('-')))),
    up: async () => {
      child = program('s6-svscan', folder)
    },
    end: async () => ending(child, () => run('s6-svscanctl', '-t', folder)),
  }
}

function program(file: string, ...args: string[]): ChildProcess {
  return spawn(file, args, { env: cleanEnvironment(), stdio: 'ignore' })
}

function ask(file: string, ...args: string[]): string {
  return spawnSync(file, args, { env: cleanEnvironment(), encoding: 'utf8' }).stdout
}

function run(file: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(file, args, { env: cleanEnvironment(), encoding: 'utf8' })
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`)
}

function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) throw new Error('it never ran')
  process.kill(pid, name)
}

async function ending(child: ChildProcess | undefined, tell: (child: ChildProcess) => void): Promise<void> {
  if (child === undefined || child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  tell(child)
  await ended
}

/** Every living process that has this in its environment. */
export function carriersOf(variable: string): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      if (!readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(variable)) return []
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()
      return command === '' ? [] : [{ pid: Number(name), command }]
    } catch {
      // It ended meanwhile.
      return []
    }
  })
}

/** Kills what is still there after a while, and says what it was. */
export async function endCarriersOf(variable: string): Promise<string[]> {
  await until('', () => carriersOf(variable).length === 0, 10_000).catch(() => undefined)
  const left = carriersOf(variable)
  for (const { pid } of left) {
    try {
      kill9(pid)
    } catch {
      // It ended by itself in this moment.
    }
  }
  await until('what was left over to be gone', () => carriersOf(variable).length === 0)
  return left.map(({ command }) => command)
}
