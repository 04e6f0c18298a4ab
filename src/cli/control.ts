import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import type { Reply, Request } from '../core/protocol.ts'
import { isUnfinished } from '../core/session.ts'
import type { Flags } from '../core/settings.ts'
import { bootNow } from '../runtime/clock.ts'
import { view } from '../runtime/observer.ts'
import type { View } from '../runtime/observer.ts'
import { ownProgram } from '../runtime/own-program.ts'
import { here } from '../runtime/place.ts'
import { unwritable } from '../runtime/state-dir.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { ask } from './ask.ts'
import { nothingRuns } from './nothing-runs.ts'
import { supervisorLog } from './supervisor-log.ts'

/** How long a supervisor may take from its start to its first answer, ms. */
const LISTENS_WITHIN_MS = 10_000
const ASK_AGAIN_MS = 10

/** Has a command carried out where no supervisor has answered. Errors: TwRunError. */
export async function withoutSupervisor(state: StateDir, request: Request): Promise<Reply> {
  const until = bootNow() + LISTENS_WITHIN_MS
  let started: ChildProcess | undefined
  for (;;) {
    const seen = view(state)
    const { session, supervisor } = seen
    if (session === undefined || !isUnfinished(session, here())) throw nothingRuns(seen)
    if (supervisor === undefined) {
      const applied = session.isDetached ? undefined : await applyHere(session.flags, request)
      if (applied !== undefined) return applied
      // It may lose the lock to another one that was started in the same instant, and end.
      if (session.isDetached && (started === undefined || hasEnded(started))) {
        started = startSupervisor(state, session.flags, '--revive')
      }
    }
    // One that has just been started, or is about to end, does not listen.
    await sleep(ASK_AGAIN_MS)
    const reply = await ask(state, request)
    if (reply !== undefined) return reply
    if (bootNow() > until) {
      throw new TwRunError(`the supervisor (pid ${supervisor ?? '?'}) does not listen`, {
        exitCode: 1,
        hint: `its messages are in ${supervisorLog(state)}`,
      })
    }
  }
}

/** Whether this child is there no more, as far as we have heard. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function applyHere(flags: Flags, request: Request): Promise<Reply | undefined> {
  return (await import('./apply-here.ts')).applyHere(flags, request)
}

let revivedAt = -Infinity

/** Starts another supervisor for a detached formation whose own one is dead; asked again and again, not too often. */
export function revive(seen: View): void {
  const { session, supervisor, state } = seen
  if (session?.isDetached !== true || supervisor !== undefined || !isUnfinished(session, here())) return
  if (bootNow() < revivedAt + LISTENS_WITHIN_MS) return
  revivedAt = bootNow()
  try {
    startSupervisor(state, session.flags, '--revive')
  } catch (error) {
    // Where nothing can be written nobody can supervise; what runs can be looked at all the same.
    if (!(error instanceof TwRunError)) throw error
  }
}

/**
 * Starts a supervisor in a session of its own; it ends by itself if another one holds the lock. Errors: TwRunError
 * where it could not say anything, or the system started none.
 */
export function startSupervisor(state: StateDir, flags: Flags, ...options: '--revive'[]): ChildProcess {
  const log = openLog(state)
  const child = spawn(process.execPath, [ownProgram(), 'supervise', ...options, JSON.stringify(flags)], {
    // Of a folder that is gone somebody has to end what runs.
    cwd: existsSync(flags.root ?? '') ? flags.root : '/',
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  child.unref()
  if (child.pid !== undefined) return child
  // Its error is told by an event, later.
  child.once('error', () => {})
  throw new TwRunError('the system did not start a supervisor', {
    exitCode: 1,
    hint: 'it may have no process or memory to spare (see `ulimit -u`): try again',
  })
}

function openLog(state: StateDir): number {
  try {
    return openSync(supervisorLog(state), 'a', 0o600)
  } catch (error) {
    throw unwritable(state.path, error)
  }
}
