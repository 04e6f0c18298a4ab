import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, linkSync, realpathSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { shellText } from '../core/command.ts'
import { isHeld, openForReading } from './lifeline.ts'
import { processRoom } from './process-room.ts'
import { SHIM, shimName } from './shim.ts'
import { failedWith } from './system-error.ts'

/** So many starts at once are a shell's work: its fork takes a fraction of ours, which copies the tables of 50 MB. */
const MANY = 12
/** The most that one launcher starts: it works while those of the next one get their names. */
const RUNS_A_LAUNCHER = 32
/** About how much text it is given, characters: Linux takes 128 KiB an argument. */
const TEXT_A_LAUNCHER = 64 * 1024
/** A shim, its command and what that starts, and a margin. */
const PROCESSES_A_RUN = 20
/** How many of its starts a launcher has under way at a time. */
const AT_A_TIME = 16
/** What differs between the runs of a batch is seen in the launcher's arguments: only what is in nobody's secret. */
const TOLD_APART = ['PORT', 'PS', 'TW_RUN_PROCESS', 'TW_RUN_INSTANCE', 'TMPDIR']

/** A run that a launcher is to start; its directory has its name. */
export interface Launch {
  readonly token: string
  readonly directory: string
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}

/** Some runs that one launcher can start: their environments are the same but for what tw-run gives each. */
export interface Batch<T extends Launch> {
  readonly launches: readonly T[]
  readonly env: Readonly<Record<string, string>>
}

/** The FIFO, in a run's directory, of which the launcher holds the other end until it has started all it was given. */
export function launcherFifo(directory: string): string {
  return `${directory}/launcher`
}

/** A read end of the FIFO of a run's launcher, if there is one that is still at work. */
export function openHeldLauncher(directory: string): number | undefined {
  let read: number
  try {
    read = openForReading(launcherFifo(directory))
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined
    throw error
  }
  if (isHeld(read)) return read
  closeSync(read)
  return undefined
}

/** Gives the runs in these directories the launcher's FIFO of the first one. */
export function shareLauncher([first, ...others]: readonly string[]): void {
  if (first === undefined) return
  for (const directory of others) linkSync(launcherFifo(first), launcherFifo(directory))
}

/** Parts what is to be started into batches; `alone` is what no launcher can start or is worth it for. */
export function inBatches<T extends Launch>(launches: readonly T[]): { batches: Batch<T>[]; alone: T[] } {
  const groups = new Map<string, T[]>()
  for (const launch of launches) {
    const key = JSON.stringify(withoutOwn(launch.env))
    groups.set(key, [...(groups.get(key) ?? []), launch])
  }
  const batches: Batch<T>[] = []
  const alone: T[] = []
  for (const group of groups.values()) {
    for (const part of parts(group)) {
      const [first] = part
      if (first === undefined || part.length < MANY) alone.push(...part)
      else batches.push({ launches: part, env: withoutOwn(first.env) })
    }
  }
  return { batches, alone }
}

/** Cuts them into parts of about the same size, so that no small rest is left over. */
function parts<T extends Launch>(launches: readonly T[]): T[][] {
  const text = launches.reduce((sum, launch) => sum + lineOf(launch).length, 0)
  const count = Math.ceil(Math.max(launches.length / RUNS_A_LAUNCHER, text / TEXT_A_LAUNCHER))
  const size = Math.ceil(launches.length / count)
  return Array.from({ length: count }, (_, part) => launches.slice(part * size, (part + 1) * size))
}

function withoutOwn(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !TOLD_APART.includes(key)))
}

/**
 * Starts the shims of a batch, each in a session of its own, by a shell that ends when all have begun. `lifeline`:
 * the write end of the batch's launcher FIFO. Errors: as spawnShim.
 *
 * A pipeline, since its parts run at the same time: what a shell starts with `&` ignores Ctrl-C for good. Each part
 * opens its run's lifeline before it closes the launcher's: who finds the launcher's end closed finds every
 * lifeline of the batch held that ever will be. For reading, too, so that it waits for no reader.
 */
export function spawnLauncher({ launches, env }: Batch<Launch>, cwd: string, lifeline: number): ChildProcess {
  const lines = launches.map(lineOf)
  const script: string[] = []
  for (let at = 0; at < lines.length; at += AT_A_TIME)
    script.push(lines.slice(at, at + AT_A_TIME).join(' |\n'))
  const child = spawn('/bin/sh', ['-c', script.join('\n'), 'tw-run-launcher', setsid() ?? '', SHIM], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ignore', 'ignore', lifeline],
  })
  child.unref()
  return child
}

function lineOf({ token, directory, command, env }: Launch): string {
  const own = TOLD_APART.flatMap((key) => (env[key] === undefined ? [] : `${key}=${quoted(env[key])}`))
  const words = [quoted(directory), quoted(shellText(command))].join(' ')
  const files = `3<>${quoted(`${directory}/life`)} 4>>${quoted(`${directory}/log`)} 5>&-`
  return `${own.join(' ')} "$1" -f /bin/sh -c "$2" ${shimName(token)} ${words} </dev/null >/dev/null ${files}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

let found: { readonly path: string | undefined } | undefined

/**
 * Whether so many runs can be started by launchers: it takes setsid of util-linux, somebody who reaps orphans, and room
 * for the processes. Near their limit, shims that begin together would take what each of them needs for its command.
 */
export function canLaunch(count: number): boolean {
  const isSystemFit = process.platform === 'linux' && process.pid !== 1 && setsid() !== undefined
  return count >= MANY && isSystemFit && processRoom() > count * PROCESSES_A_RUN
}

function setsid(): string | undefined {
  found ??= { path: (process.env['PATH'] ?? '').split(delimiter).map(setsidIn).find(Boolean) }
  return found.path
}

/** That of busybox is busybox, and cannot fork. */
function setsidIn(folder: string): string | undefined {
  if (!folder.startsWith('/')) return undefined
  try {
    const path = realpathSync(join(folder, 'setsid'))
    return basename(path) === 'setsid' ? path : undefined
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined
    throw error
  }
}
