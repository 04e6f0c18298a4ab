import { spawn } from 'node:child_process'
import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import { bootNow } from './clock.ts'
import { MKFIFO } from './lifeline.ts'
import { failedWith } from './system-error.ts'
import { unwritable } from './state-dir.ts'

/** How long a lock may outlive its dead holder: a child of it between fork and exec still has it, ms. */
const LINGER_MS = 2_000
const TRY_AGAIN_MS = 20
/** open(2) takes the lock itself on macOS and the BSDs; Node has no name for the flag. */
const O_EXLOCK = 0x20

/** Locks what is its descriptor 3. */
const FLOCK: readonly [string, ...string[]] = ['flock', '-n', '-x', '3']
/** The same, when it has made those FIFOs that can be. */
const MAKE_AND_LOCK = `${MKFIFO.join(' ')} "$@" 2>/dev/null; exec ${FLOCK.join(' ')}`

/** A lock that is held. */
export interface Lock {
  /** Whether its file was removed: under that name another tw-run may by now hold another one. */
  isRemoved(): boolean
  /** Gives it back, after which it counts as removed. */
  release(): void
}

/**
 * Takes the one lock of a state directory, for as long as this process lives: the kernel gives it back
 * however the holder dies, so that there is nothing stale to clean up. The file is never unlinked: two
 * starters would lock two files of that name. On Linux the helper that takes it makes FIFOs of these paths first, those that
 * can be: another one would take as long again. Errors: TwRunError 1 naming the holder.
 */
export async function takeLock(path: string, fifos: readonly string[] = []): Promise<Lock> {
  const until = bootNow() + LINGER_MS
  for (;;) {
    const fd = await tryLock(path, fifos)
    if (fd !== undefined) {
      sayWhoHolds(fd, path)
      return lockOf(fd)
    }
    const { heldBy, holderOf } = await import('./lock-holder.ts')
    const holder = holderOf(path)
    if (holder !== undefined || bootNow() > until) throw heldBy(holder, path)
    await sleep(TRY_AGAIN_MS)
  }
}

function lockOf(fd: number): Lock {
  let isHeld = true
  return {
    isRemoved: () => !isHeld || fstatSync(fd).nlink === 0,
    release() {
      if (isHeld) closeSync(fd)
      isHeld = false
    },
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
export async function tryLock(path: string, fifos: readonly string[] = []): Promise<number | undefined> {
  if (process.platform !== 'linux') return tryOpenLocked(path)
  const fd = openLock(path, 0)
  // One program that we begin, since to fork takes us longer than it takes a shell to begin two.
  const { status } = await runFlock(
    fd,
    fifos.length === 0 ? FLOCK : ['/bin/sh', '-c', MAKE_AND_LOCK, 'tw-run', ...fifos],
  )
  if (status === 0) return fd
  // Listened to only where something is wrong: a pipe takes as long as the rest.
  const again = await runFlock(fd, FLOCK, 'pipe')
  if (again.status === 0) return fd
  closeSync(fd)
  if (again.status === 1 && again.complaint === '') return undefined
  throw new TwRunError(`cannot lock ${path}: ${again.complaint.trim()}`, {
    exitCode: 1,
    hint: again.isMissing
      ? 'install util-linux, which has the flock command'
      : 'if this file system has no locks, name another place with --state-dir DIR',
  })
}

interface Helped {
  /** Null if a signal ended it or it could not be started. */
  readonly status: number | null
  readonly complaint: string
  /** There is no such program. */
  readonly isMissing: boolean
}

/** It locks the open file that it inherits, not its own descriptor: the lock stays with us when it ends. */
async function runFlock(
  fd: number,
  [program, ...words]: typeof FLOCK,
  stderr: 'ignore' | 'pipe' = 'ignore',
): Promise<Helped> {
  const helper = spawn(program, words, {
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', stderr, fd],
  })
  let complaint = ''
  helper.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString('latin1')))
  return new Promise((resolve) => {
    helper.once('error', (error) =>
      resolve({ status: null, complaint: error.message, isMissing: failedWith(error, 'ENOENT') }),
    )
    helper.once('close', (status) => resolve({ status, complaint, isMissing: false }))
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
