import { decodeSession } from '../core/session-record.ts'
import { isUnfinished } from '../core/session.ts'
import { carriedFlags } from '../core/settings.ts'
import type { Flags } from '../core/settings.ts'
import { here } from '../runtime/place.ts'

/**
 * The options with which a formation is carried on that was interrupted, by the text of its formation.json: those that it
 * was started with, and what is typed now. Undefined if there is none to carry on.
 */
export function flagsToCarryOn(text: string, typed: Flags): Flags | undefined {
  const session = decodeSession(text)
  if (session === undefined || session.isFixture === true || session.ending !== undefined) return undefined
  return isUnfinished(session, here()) ? carriedFlags(session.flags, typed, process.env) : undefined
}
