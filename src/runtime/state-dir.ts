import type { Stats } from 'node:fs'
import { accessSync, constants, existsSync, lstatSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { shortHash } from '../core/short-hash.ts'
import { makeFolder, removeIfThere } from './disk.ts'
import { reasonOf } from './system-error.ts'
import { homeFolder, tempFolder } from './usual-places.ts'

/** What a formation of one process needs on the disk, bytes: a block for each of its files. */
const ROOM = 8 * 4096

/** The places in the state directory of one project. */
export interface StateDir {
  readonly path: string
  readonly lock: string
  readonly session: string
  readonly processes: string
  /** FIFOs that were made before they are needed. */
  readonly spares: string
  /** The lifeline of the shim that waits for its run. */
  readonly ready: string
  /** By which that shim is told to begin. */
  readonly orders: string
  /** What commands of `run` and `with` are under way, each under its token. */
  readonly oneOffs: string
  /** The FIFO by which clients say that they are there. */
  readonly commands: string
}

/**
 * Where the state of the project in `root` (a real path) lives; nothing is made. `base` replaces the
 * usual `$XDG_STATE_HOME/tw-run`, that is `~/.local/state/tw-run`, or where no home is writable a
 * user-only folder in the system's temp directory.
 */
export function locateStateDir(root: string, base: string | undefined): StateDir {
  const name = basename(root)
    .replaceAll(/[^A-Za-z0-9._-]/g, '_')
    .slice(0, 40)
  return stateDirAt(join(base === undefined ? defaultBase() : resolve(base), `${name}-${shortHash(root)}`))
}

/**
 * The places in a state directory that is known. They, and all that is in them, are put together by hand: join() reads
 * every character of what is normal already, and for the files of six runs V8 comes to optimise it, which takes 4 ms.
 */
export function stateDirAt(path: string): StateDir {
  return {
    path,
    lock: `${path}/lock`,
    session: `${path}/formation.json`,
    processes: `${path}/processes`,
    spares: `${path}/spares`,
    ready: `${path}/ready`,
    orders: `${path}/orders`,
    oneOffs: `${path}/one-offs`,
    commands: `${path}/commands`,
  }
}

/** The FIFOs of one client of the supervisor. */
export interface Talk {
  readonly question: string
  readonly answer: string
}

/** What they are called. */
export const TALK = /^(?:question|answer)-[0-9a-f]{16}$/

/** In the state directory, or where a client cannot write to that, in a folder of its own. */
export function talkIn(folder: string, token: string): Talk {
  return { question: `${folder}/question-${token}`, answer: `${folder}/answer-${token}` }
}

function defaultBase(): string {
  const { XDG_STATE_HOME: xdg } = process.env
  // The specification says to ignore a relative path.
  const home = xdg?.startsWith('/') ? xdg : join(homeFolder(), '.local', 'state')
  if (isWritable(home)) return join(home, 'tw-run')
  return join(tempFolder(), `tw-run-state-${process.getuid?.() ?? 0}`)
}

/** Whether the folder, or the nearest one above it that is there, can be written to. */
function isWritable(path: string): boolean {
  const there = existsSync(path)
  if (!there && dirname(path) !== path) return isWritable(dirname(path))
  try {
    accessSync(path, constants.W_OK)
    return statSync(path).isDirectory()
  } catch {
    // No permission, or a file system mounted read-only: not writable is the answer.
    return false
  }
}

/**
 * Makes the state directory, 0700, and refuses one that is not the user's alone. Errors: TwRunError with exit
 * code 1.
 */
export function makeStateDir(state: StateDir): void {
  checkStateDir(state)
  try {
    for (const path of [state.processes, state.spares]) makeFolder(path, 0o700)
  } catch (error) {
    throw refusal(`cannot make the state directory ${state.path}: ${whyNotMade(state.path, error)}`)
  }
  checkStateDir(state)
}

/** Node says of a read-only file system that there is no such folder. */
function whyNotMade(path: string, error: unknown): string {
  try {
    let there = path
    while (!existsSync(there)) there = dirname(there)
    accessSync(there, constants.W_OK)
  } catch (denial) {
    return reasonOf(denial)
  }
  return reasonOf(error)
}

/**
 * Refuses a state directory that cannot be read or is not the user's alone: whoever can write there can have
 * tw-run start or signal what they like. One that is not there is no error. Errors: TwRunError with exit code 1.
 */
export function checkStateDir(state: StateDir): void {
  for (const path of [dirname(state.path), state.path, state.processes]) {
    const stat = lookAt(path)
    if (stat === undefined) return
    checkOwned(path, stat)
    try {
      accessSync(path, constants.R_OK | constants.X_OK)
    } catch (error) {
      throw refusal(`cannot read the state directory ${path}: ${reasonOf(error)}`, `chmod u+rwx '${path}'`)
    }
  }
}

/**
 * Refuses a state directory in which nothing can be written now, such as on a full disk, found out by writing.
 * Errors: TwRunError with exit code 1.
 */
export function requireRoom({ path }: StateDir): void {
  const probe = join(path, 'probe')
  try {
    writeFileSync(probe, Buffer.alloc(ROOM))
  } catch (error) {
    throw unwritable(path, error)
  } finally {
    // Of a full disk the first half may be there; of six starters another one may have removed it.
    removeIfThere(probe)
  }
}

/** Errors: TwRunError 1 where no process could have its own place for temporary files. */
export function requireTempFolder(): void {
  const folder = tempFolder()
  try {
    makeFolder(folder, 0o700)
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new TwRunError(`cannot use ${folder} for temporary files: ${reasonOf(error)}`, {
      exitCode: 1,
      hint: 'TMPDIR has to be a folder that you may write to',
    })
  }
}

/** The error for a state directory in which something could not be written. */
export function unwritable(path: string, error: unknown): TwRunError {
  return refusal(`cannot write to the state directory ${path}: ${reasonOf(error)}`)
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw refusal(`cannot look at the state directory ${path}: ${reasonOf(error)}`)
  }
}

function checkOwned(path: string, stat: Stats): void {
  if (!stat.isDirectory()) throw refusal(`the state directory ${path} is no directory`)
  const uid = process.getuid?.()
  if (uid !== undefined && stat.uid !== uid) {
    throw refusal(`the state directory ${path} belongs to another user (uid ${stat.uid})`)
  }
  if ((stat.mode & 0o022) !== 0) {
    throw refusal(`others can write to the state directory ${path}`, `chmod go-w '${path}'`)
  }
}

function refusal(message: string, first?: string): TwRunError {
  const other = 'name another place with --state-dir DIR or TW_RUN_STATE_DIR'
  return new TwRunError(message, { exitCode: 1, hint: first === undefined ? other : `${first}, or ${other}` })
}
