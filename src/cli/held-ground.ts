import { TwRunError } from '../core/error.ts'
import { isUnfinished } from '../core/session.ts'
import { keptSession } from '../runtime/kept-session.ts'
import type { App } from '../runtime/load.ts'
import { here } from '../runtime/place.ts'
import { Slots } from '../runtime/slots.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { refuseTakenPorts } from '../runtime/taken-ports.ts'

// Loaded with what is here, while a helper takes the lock.
export { lookAround } from '../runtime/surroundings.ts'

/**
 * What the directory and the kernel know of every process, for who holds the lock; `starting`: an app whose ports have
 * to be free. Errors: TwRunError 1, a port is taken.
 */
export function readSlots(state: StateDir, starting: App | undefined): Slots {
  const slots = new Slots(state, here(), true)
  slots.load()
  if (starting !== undefined) refuseTakenPorts(starting, slots)
  return slots
}

/** The run may have come to its end while we waited for the lock: that is no reason to begin another one. Errors: TwRunError 1. */
export function refuseIfOver(state: StateDir): void {
  const session = keptSession(state)
  if (session !== undefined && isUnfinished(session, here())) return
  throw new TwRunError('nothing runs here any more', { exitCode: 1, hint: 'start it with: tw-run start' })
}
