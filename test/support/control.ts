import { copyFileSync, readFileSync, readlinkSync, readdirSync } from 'node:fs'
import { expect } from 'vitest'
import type { ProcessStatus } from '../../src/core/status.ts'
import { rowsOf, view } from '../../src/runtime/observer.ts'
import type { View } from '../../src/runtime/observer.ts'
import { locateStateDir } from '../../src/runtime/state-dir.ts'
import { liveApp, until } from './live.ts'
import type { LiveApp } from './live.ts'

/** An app that can say `node probe.js`. */
export function probeApp(procfile: string, files: Readonly<Record<string, string>> = {}): LiveApp {
  const app = liveApp({ Procfile: procfile, 'package.json': '{ "type": "module" }', ...files })
  copyFileSync(new URL('probe.js', import.meta.url), app.path('probe.js'))
  return app
}

/** What `tw-run` says to this when all is well; anything else fails the test. */
export async function done(app: LiveApp, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await app.cli(args)
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' })
  return stdout
}

/** What an observer sees of the app now, without another program. */
export function seen(app: LiveApp): View {
  return view(locateStateDir(app.root, app.stateDir))
}

/** The pids of the commands that run now, by process. */
export function pids(app: LiveApp): Record<string, number> {
  const rows = rowsOf(seen(app)).flatMap(({ process, phase, pid }) =>
    phase === 'up' && pid !== null ? [[process, pid] as const] : [],
  )
  return Object.fromEntries(rows)
}

/** Waits until exactly these processes are up; their pids. */
export async function running(app: LiveApp, ...ids: readonly string[]): Promise<Record<string, number>> {
  const wanted = ids.toSorted().join(' ')
  await until(
    () => `${wanted} to run, instead of ${JSON.stringify(rowsOf(seen(app)))}`,
    () => Object.keys(pids(app)).toSorted().join(' ') === wanted,
  )
  return pids(app)
}

export async function rows(app: LiveApp): Promise<ProcessStatus[]> {
  return JSON.parse(await done(app, 'ps', '--json')) as ProcessStatus[]
}

/** The living supervisor's pid. */
export function supervisorOf(app: LiveApp): number {
  const { supervisor } = seen(app)
  if (supervisor === undefined) throw new Error('no supervisor')
  return supervisor
}

/** Kills the supervisor of the app and waits until it is gone; nothing else of it. */
export async function killSupervisor(app: LiveApp): Promise<number> {
  const pid = supervisorOf(app)
  process.kill(pid, 'SIGKILL')
  await until('the supervisor to be gone', () => seen(app).supervisor === undefined)
  return pid
}

export function isAlive(pid: number): boolean {
  const state = stat(pid)?.[0]
  return state !== undefined && state !== 'Z'
}

/** The pid of its parent; for a command that is its shim. */
export function parentOf(pid: number): number {
  return Number(stat(pid)?.[1])
}

function stat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    // There is no such process.
    return undefined
  }
}

/** How many descriptors a process has; a supervisor that of a log when that has been quiet for a while, which is not counted. */
export function descriptorsOf(pid: number): number {
  return filesOf(pid).filter((path) => !path.endsWith('/log')).length
}

/** Whether a process has a file open whose path holds this text. */
export function holds(pid: number, part: string): boolean {
  return filesOf(pid).some((path) => path.includes(part))
}

/** What each descriptor of a process leads to. */
export function filesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)]
    } catch {
      // Closed between the listing and now.
      return []
    }
  })
}

/** Resident memory, bytes. */
export function memoryOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Number(kilobytes) * 1024
}

/** The supervisors of the app that live now, by their command lines. */
export function supervisors(app: LiveApp): number[] {
  return app.survivors().flatMap(({ pid, command }) => (/tw-run\.cjs supervise/.test(command) ? [pid] : []))
}
