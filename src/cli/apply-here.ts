import type { Reply, Request } from '../core/protocol.ts'
import type { Flags } from '../core/settings.ts'
import { LockHeld } from '../runtime/lock-holder.ts'
import { newSupervisor } from './supervising.ts'
import { takeGround } from './formation.ts'
import { farewell } from './journal-text.ts'

/**
 * Carries a command out where no supervisor lives: takes the lock, applies it, does what follows from it, and
 * leaves the processes to their shims again. Undefined if somebody else took the lock.
 */
export async function applyHere(flags: Flags, request: Request): Promise<Reply | undefined> {
  const ground = await takeGround(flags, true).catch((error: unknown) => {
    if (error instanceof LockHeld) return undefined
    throw error
  })
  if (ground === undefined) return undefined
  const supervisor = newSupervisor(ground, { journal: () => {}, isDetached: false, isColorTerminal: false })
  const reply = supervisor.apply(request)
  if (!reply.ok) return reply
  const result = await supervisor.runUntilQuiet()
  // Who stops all of it looks whether anything is left, and says so.
  const isToldAnyway = request.do === 'stop' && request.targets.length === 0
  if (result === undefined || isToldAnyway) return reply
  return { ok: true, lines: [...reply.lines, farewell(result)] }
}
