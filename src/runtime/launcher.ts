import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, linkSync, realpathSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import type { RunEnvironment } from '../core/environment.ts'
import { assignments, quoteSh } from '../core/quote-sh.ts'
import { isHeld, openForReading } from './lifeline.ts'
import { processRoom } from './process-room.ts'
import { LAUNCHER, SHIM, shimName, shimText } from './shim.ts'
import { failedWith } from './system-error.ts'

/** So many starts at once are a shell's work: its fork takes a fraction of ours, which copies the tables of 50 MB. */
const MANY = 12
/** The most that one launcher starts: it works while those of the next one get their names, which take less than a fork of ours. */
const RUNS_A_LAUNCHER = 100
/** About how much text it is given, characters: Linux takes 128 KiB an argument. */
const TEXT_A_LAUNCHER = 64 * 1024
/** A shim, its command and what that starts, and a margin. */
const PROCESSES_A_RUN = 20
/** bash changes these as it begins, and lets them be set again; `_`, which each shell sets anew, it does not. */
const SET_AGAIN = ['SHLVL', 'OLDPWD']
/** These it does not hand on as it got them. */
const BASH_OWN =
  /^(?:BASH.*|COMP_.*|DIRSTACK|E?UID|EPOCH.*|FUNCNAME|GROUPS|HISTCMD|LINENO|OPT(?:ARG|ERR|IND)|PIPESTATUS|POSIXLY_CORRECT|PPID|PS[0-4]|S?RANDOM|SECONDS|SHELLOPTS)$/

/** A run that a launcher is to start; its directory has its name. */
export interface Launch {
  readonly token: string
  readonly directory: string
  /** What its shim evaluates, as of commandLines. */
  readonly commandLine: string
  readonly env: RunEnvironment
}

/** A run, and what its launcher is told of it. */
export interface Line<T extends Launch> {
  readonly launch: T
  readonly text: string
}

/** Some runs that one launcher can start: what their environments share is the same. */
export interface Batch<T extends Launch> {
  readonly lines: readonly Line<T>[]
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

/**
 * Parts what is to be started together into batches; `alone` is what no launcher can start or is worth it for. All share
 * the environment of the first.
 */
export function inBatches<T extends Launch>(launches: readonly T[]): { batches: Batch<T>[]; alone: T[] } {
  const [first] = launches
  if (first === undefined || Object.keys(first.env.shared).some((name) => BASH_OWN.test(name)))
    return { batches: [], alone: [...launches] }
  const env = first.env.shared
  const parted = parts(launches.map((launch) => ({ launch, text: textOf(launch) })))
  return {
    batches: parted.filter(({ length }) => length >= MANY).map((lines) => ({ lines, env })),
    alone: parted.filter(({ length }) => length < MANY).flatMap((lines) => lines.map(({ launch }) => launch)),
  }
}

/** Cuts them into parts of about the same size, so that no small rest is left over. */
function parts<T extends Launch>(lines: readonly Line<T>[]): Line<T>[][] {
  const length = lines.reduce((sum, { text }) => sum + text.length, 0)
  const count = Math.ceil(Math.max(lines.length / RUNS_A_LAUNCHER, length / TEXT_A_LAUNCHER))
  const size = Math.ceil(lines.length / count)
  return Array.from({ length: count }, (_, part) => lines.slice(part * size, (part + 1) * size))
}

/** In the environment, since the shims show the arguments of their launcher for as long as they live. */
export const LAUNCH_SCRIPT = 'TW_RUN_LAUNCH'
const RUN_SCRIPT = `eval "$${LAUNCH_SCRIPT}"`

/**
 * What a launcher does first; behind it stands a line for each run. `set -m` gives each a process group of its own,
 * and leaves SIGINT as it is, which a shell's `&` else has ignored for good. Where a shim cannot tell the kernel its
 * name, its arguments have to. One that is a fork of the launcher costs a third of one that is executed: to execute
 * a program takes 1 ms, whatever it does. No variable is set: the user may have exported one of that name. What has
 * begun it disowns: the list of its jobs is written to with each, and would be 25 KB of each shim's own memory.
 */
const BEGIN = `set -m
unset ${LAUNCH_SCRIPT} SHLVL
begin() {
echo "$3" >/proc/self/comm || exec /bin/sh -c ${quoteSh(SHIM)} "$3" "$1" "$2"
set -- "$1" "$2" $BASHPID
${shimText('$3')}
}`

/**
 * Starts the shims of a batch, each in a process group of its own, by a shell that ends when all have begun.
 * `lifeline`: the write end of the batch's launcher FIFO. Errors: as spawnShim.
 *
 * Each shim opens its run's lifeline before it closes the launcher's: who finds the launcher's end closed finds every
 * lifeline of the batch held that ever will be. For reading, too, so that it waits for no reader.
 */
export function spawnLauncher({ lines, env }: Batch<Launch>, cwd: string, lifeline: number): ChildProcess {
  const names = lines.map(({ launch }) => shimName(launch.token))
  // -p: neither $BASH_ENV is run nor a function taken from the environment.
  const child = spawn(bash() ?? '', ['-p', '-c', RUN_SCRIPT, LAUNCHER, ...names], {
    cwd,
    env: { ...env, [LAUNCH_SCRIPT]: [BEGIN, ...lines.map(({ text }) => text)].join('\n') },
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ignore', 'ignore', lifeline],
  })
  child.unref()
  return child
}

function textOf({ token, directory, commandLine, env }: Launch): string {
  const own = `${assignments(env.own)} ${assignments(env.shared, SET_AGAIN)}`
  const words = [directory, commandLine, shimName(token)].map(quoteSh).join(' ')
  const files = `3<>${quoteSh(`${directory}/life`)} 4>>${quoteSh(`${directory}/log`)} 5>&-`
  return `${own} begin ${words} ${files} & disown`
}

let found: { readonly path: string | undefined } | undefined

/**
 * Whether so many runs can be started by launchers: it takes bash, somebody who reaps orphans, and room for the
 * processes. Near their limit, shims that begin together would take what each of them needs for its command.
 */
export function canLaunch(count: number): boolean {
  if (count < MANY || process.platform !== 'linux' || process.pid === 1) return false
  return bash() !== undefined && processRoom() > count * PROCESSES_A_RUN
}

function bash(): string | undefined {
  found ??= { path: (process.env['PATH'] ?? '').split(delimiter).map(bashIn).find(Boolean) }
  return found.path
}

/** That of busybox is another shell. */
function bashIn(folder: string): string | undefined {
  if (!folder.startsWith('/')) return undefined
  try {
    const path = realpathSync(join(folder, 'bash'))
    return basename(path) === 'bash' ? path : undefined
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined
    throw error
  }
}
