import { spawn } from 'node:child_process'
import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import { bootNow } from './clock.ts'
import { beginLifelines } from './lifeline.ts'
import { failedWith } from './system-error.ts'
import { unwritable } from './state-dir.ts'

/** How long a lock may outlive its dead holder: a child of it between fork and exec still has it, ms. */
const LINGER_MS = 2_000
const TRY_AGAIN_MS = 20
/** open(2) takes the lock itself on macOS and the BSDs; Node has no name for the flag. */
const O_EXLOCK = 0x20

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
 * starters would lock two files of that name. FIFOs of these paths are made meanwhile, those that can be: afterwards that
 * would take as long again. Errors: TwRunError 1 naming the holder.
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
  // Two programs and no shell to begin them: a shell takes as long as they do, and we wait for nothing else. The one that
  // takes longer is begun first.
  const [, { status }] = await Promise.all([makeFifos(fifos), runFlock(fd)])
  if (status === 0) return fd
  // Listened to only where something is wrong: a pipe takes as long as the rest.
  const again = await runFlock(fd, 'pipe')
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
async function runFlock(fd: number, stderr: 'ignore' | 'pipe' = 'ignore'): Promise<Helped> {
  const helper = spawn('flock', ['-n', '-x', '3'], {
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

async function makeFifos(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  const helper = beginLifelines(paths)
  return new Promise((resolve) => void helper.once('error', () => resolve()).once('close', () => resolve()))
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
