import { spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import { failedWith } from './system-error.ts'
import { isRunning, isStopped } from './process-table.ts'
import { unwritable } from './state-dir.ts'

/** How long a lock may outlive its dead holder: a child of it between fork and exec still has it, ms. */
const LINGER_MS = 2_000
const TRY_AGAIN_MS = 20
/** open(2) takes the lock itself on macOS and the BSDs; Node has no name for the flag. */
const O_EXLOCK = 0x20

/** Locks descriptor 3, and meanwhile makes FIFOs of its arguments. Its status is that of the lock. */
const LOCK = `[ $# -eq 0 ] || mkfifo -m 600 -- "$@" 2>/dev/null 3>&- &
flock -n -x 3; locked=$?
wait
exit $locked`
/** The status of a shell that has not found a command. */
const NOT_FOUND = 127

/** A lock that is held. */
export interface Lock {
  /** Whether its file was removed: under that name another tw-run may by now hold another one. */
  isRemoved(): boolean
}

/**
 * Takes the one lock of a state directory, for as long as this process lives: the kernel gives it back
 * however the holder dies, so that there is nothing stale to clean up. The file is never unlinked: two
 * starters would lock two files of that name. `fifos` are made by the way, those that can be: another helper for
 * them would take as long again. Errors: TwRunError 1 naming the holder.
 */
export async function takeLock(path: string, fifos: readonly string[] = []): Promise<Lock> {
  const until = performance.now() + LINGER_MS
  for (;;) {
    const fd = tryLock(path, fifos)
    if (fd !== undefined) {
      sayWhoHolds(fd, path)
      return { isRemoved: () => fstatSync(fd).nlink === 0 }
    }
    const holder = readHolder(path)
    const known = holder !== undefined && holder !== process.pid && isRunning(holder)
    if (known || performance.now() > until) throw heldBy(known ? holder : undefined, path)
    await sleep(TRY_AGAIN_MS)
  }
}

/** In this order, since a full disk has room for what takes the place of something else. */
function sayWhoHolds(fd: number, path: string): void {
  const text = `${process.pid}\n`
  try {
    writeSync(fd, text, 0)
    ftruncateSync(fd, text.length)
  } catch (error) {
    throw unwritable(dirname(path), error)
  }
}

/** The descriptor that holds the lock, or undefined if somebody else does. Errors: TwRunError 1 where there are no locks. */
export function tryLock(path: string, fifos: readonly string[] = []): number | undefined {
  if (process.platform !== 'linux') return tryOpenLocked(path)
  const fd = openLock(path, 0)
  // flock locks the open file that it inherits, not its own descriptor: the lock stays with us when it ends.
  const flock = spawnSync('/bin/sh', ['-c', LOCK, 'tw-run-lock', ...fifos], {
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe', fd],
  })
  if (flock.status === 0) return fd
  closeSync(fd)
  if (flock.status === 1 && flock.stderr.length === 0) return undefined
  const why = flock.error?.message ?? flock.stderr.toString().trim()
  throw new TwRunError(`cannot lock ${path}: ${why}`, {
    exitCode: 1,
    hint:
      flock.status === NOT_FOUND
        ? 'install util-linux, which has the flock command'
        : 'if this file system has no locks, name another place with --state-dir DIR',
  })
}

function tryOpenLocked(path: string): number | undefined {
  try {
    return openLock(path, constants.O_NONBLOCK | O_EXLOCK)
  } catch (error) {
    if (failedWith(error, 'EAGAIN')) return undefined
    throw error
  }
}

function openLock(path: string, flags: number): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | flags, 0o600)
  } catch (error) {
    throw failedWith(error, 'EAGAIN') ? error : unwritable(dirname(path), error)
  }
}

/** The pid that the holder wrote into the lock file, if it is one. */
function readHolder(path: string): number | undefined {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(16)
    const text = bytes.toString('latin1', 0, readSync(fd, bytes))
    return /^[1-9]\d{0,9}\n$/.test(text) ? Number(text) : undefined
  } finally {
    closeSync(fd)
  }
}

/** Somebody else holds the lock. */
export class LockHeld extends TwRunError {}

/** The error for a state directory whose lock somebody else holds. */
export function heldBy(pid: number | undefined, path: string): LockHeld {
  if (pid === undefined) {
    return new LockHeld(`the lock ${path} is held by a process that did not say who it is`, {
      exitCode: 1,
      hint: `fuser '${path}' shows it`,
    })
  }
  const stopped = isStopped(pid)
  return new LockHeld(`tw-run is already running here: pid ${pid}${stopped ? ' (stopped)' : ''}`, {
    exitCode: 1,
    hint: stopped
      ? `wake it with: kill -CONT ${pid}`
      : 'see it with `tw-run ps`, change it with `tw-run scale`, end it with `tw-run stop`',
  })
}
