import { decodeSession } from '../core/session-record.ts'
import { isUnfinished } from '../core/session.ts'
import { carriedFlags, limitedTypes } from '../core/settings.ts'
import type { Flags } from '../core/settings.ts'
import { here } from '../runtime/place.ts'

/** The options of a formation that goes on, and types that only those of before may name. */
export interface Carried {
  readonly flags: Flags
  readonly former: readonly string[]
}

/**
 * The options with which a formation is carried on that was interrupted, by the text of its formation.json: those that it
 * was started with, and what is typed now. Undefined if there is none to carry on.
 */
export function flagsToCarryOn(text: string, typed: Flags): Carried | undefined {
  const session = decodeSession(text)
  if (session === undefined || session.isFixture === true || session.ending !== undefined) return undefined
  if (!isUnfinished(session, here())) return undefined
  const flags = carriedFlags(session.flags, typed, process.env)
  return { flags, former: typed.max === undefined ? limitedTypes(flags) : [] }
}
