import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { TwRunError } from '../core/error.ts'
import { isToken } from '../core/records.ts'
import { isGone } from './disk.ts'
import { argumentsOf, findByArgument, holds, titleOf } from './process-table.ts'
import { failedWith, systemCode } from './system-error.ts'

/**
 * The parent of a command, which outlives tw-run and writes down how the command ended. $1 is the run's
 * directory, $2 what executes the command; descriptor 3 is the lifeline, 4 the log. 5, where there is one, is for the command.
 * `pid` is what the shell that runs it calls its own pid.
 *
 * Trapped, not ignored: what is ignored stays ignored in the command. Who reads the pid may signal the group,
 * and what the shim traps is lost; so the pid, which is the shim's in its subshell too, is written by what will
 * be the command and has no traps any more. The subshell also keeps the shell's own "Killed" out of the log. The
 * status is also the shim's own, for a tw-run that lives to see it when the disk is full.
 */
export function shimText(pid: string): string {
  return `trap : TERM INT HUP QUIT USR1 USR2
(echo ${pid} >"$1/pid"; exec >&4 2>&4 3>&- 4>&-; eval "$2")
code=$?
echo $code >"$1/exit"
exit $code`
}

/** Passed by `sh -c`: a shell reads a script file as it goes, and an upgrade may replace it. */
export const SHIM = shimText('$$')

/** The descriptor by which a shim holds its lifeline. */
const LIFELINE = 3
/** The descriptor by which the router gets its socket. */
export const ROUTER_SOCKET = 5

/** The name (`$0`) of a launcher, and where it stands in its arguments. */
export const LAUNCHER = 'tw-run-launcher'
const LAUNCHER_AT = 4
/** Bytes of a process's title that Linux keeps. */
const TITLE_LENGTH = 15

/** The name under which the shim of a run is found in the process table. */
export function shimName(token: string): string {
  return `tw-run:${token}`
}

/**
 * Whether this process is the shim of a run. One that a launcher forked shows the launcher's arguments, which name
 * all that it starts; which one it is it has told the kernel, that keeps the first 15 bytes.
 */
export function isShim(pid: number, token: string): boolean {
  const args = argumentsOf(pid)
  const name = shimName(token)
  if (args?.includes(name) !== true) return false
  return args.split('\0')[LAUNCHER_AT] !== LAUNCHER || titleOf(pid) === name.slice(0, TITLE_LENGTH)
}

/** The pid of the shim of a run, or undefined if there is none. */
export function findShim(token: string): number | undefined {
  return findByArgument(shimName(token)).find((pid) => isShim(pid, token))
}

/** The token of the shim with this pid, if it is one that works in this run's directory. */
export function tokenOfShim(pid: number, directory: string): string | undefined {
  const words = argumentsOf(pid)?.split('\0') ?? []
  const isIts = words.includes(directory) || holds(pid, LIFELINE, `${directory}/life`)
  const names = isIts ? words.filter((word) => word.startsWith(shimName(''))) : []
  const tokens = names.map((name) => name.slice(shimName('').length))
  return tokens.find((token) => isToken(token) && isShim(pid, token))
}

export interface ShimOptions {
  readonly token: string
  readonly directory: string
  /** What it evaluates, as of commandLines. */
  readonly commandLine: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Write end of the lifeline. */
  readonly lifeline: number
  readonly log: number
  /** For the command, which gets it as ROUTER_SOCKET. */
  readonly socket?: number
}

/**
 * Starts a shim in a session of its own. The child has no pid if the system refused it; its `error` event
 * says why. Throws at once for arguments or an environment that no process can have (E2BIG, a NUL byte).
 */
export function spawnShim(options: ShimOptions): ChildProcess {
  const { token, directory, commandLine, cwd, env, lifeline, log, socket } = options
  const child = spawn('/bin/sh', ['-c', SHIM, shimName(token), directory, commandLine], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', lifeline, log, ...(socket === undefined ? [] : [socket])],
  })
  child.unref()
  return child
}

const REASONS: Readonly<Record<string, string>> = {
  EMFILE: 'too many open files (see `ulimit -n`)',
  ENFILE: 'too many open files on this machine',
  EAGAIN: 'the limit of processes is reached (see `ulimit -u`)',
  ENOMEM: 'out of memory',
  ENOSPC: 'no space left on the disk of the state directory',
  E2BIG: 'its environment and command are larger than the system takes (one value over 128 KiB?)',
}

const PASSING = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ENOSPC'])

/** Why a start failed, for a person, and whether the same may work a moment later. */
export function explainRefusal(error: unknown, cwd: string): { message: string; again: boolean } {
  if (error instanceof TwRunError) {
    return {
      message: error.hint === undefined ? error.message : `${error.message} (${error.hint})`,
      again: false,
    }
  }
  const code = systemCode(error) ?? ''
  const message = error instanceof Error ? error.message : String(error)
  // For a missing directory Node names the program instead.
  if (failedWith(error, 'ENOENT', 'ENOTDIR') && isGone(cwd))
    return { message: `the folder ${cwd} is gone`, again: false }
  if (code === 'ERR_INVALID_ARG_VALUE')
    return { message: 'a NUL byte in its environment or command', again: false }
  return { message: REASONS[code] ?? message, again: PASSING.has(code) || !(code in constants.errno) }
}
