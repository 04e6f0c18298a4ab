import { renameSync } from 'node:fs'
import { decodeSession } from '../core/session-record.ts'
import { isPast, isUnfinished, replace, SESSION_VERSION } from '../core/session.ts'
import type { Asked, Place, Session } from '../core/session.ts'
import { stagesToRun } from '../core/stages.ts'
import { readIfThere } from './disk.ts'
import type { Slots } from './slots.ts'
import type { StateDir } from './state-dir.ts'

interface Found {
  readonly state: StateDir
  readonly slots: Slots
  readonly place: Place
  readonly asked: Asked
}

/**
 * The session on disk. A file that makes no sense is put aside; where processes live that no session
 * wants, one is made up in which they are what was asked for, and reconciling sorts them out. None where stages are
 * asked for and nothing lives that they would have had to come before.
 */
export function readSession(found: Found, trouble: (message: string) => void): Session | undefined {
  const { state, slots, place, asked } = found
  const text = readIfThere(state.session)
  const session = text === undefined ? undefined : decodeSession(text)
  for (const damaged of slots.damaged) trouble(`damaged, put aside: ${damaged}`)
  if (text !== undefined && session === undefined) {
    const away = `${state.session}.damaged-${Date.now()}`
    renameSync(state.session, away)
    trouble(`damaged or of another version, put aside: ${away}`)
  }
  const orphan = slots.runs().find(({ life }) => life === 'alive')
  if (orphan === undefined && asked.isRevival !== true && isPast(asked.stages, session, place))
    return undefined
  if (orphan === undefined || (session !== undefined && isUnfinished(session, place))) return session
  const madeUp: Session = {
    version: SESSION_VERSION,
    id: orphan.session,
    ...place,
    beganAt: 0,
    types: asked.types,
    counts: asked.counts,
    stages: stagesToRun(asked.stages, asked),
    isDetached: asked.isDetached,
    hasRouter: asked.hasRouter,
    flags: asked.flags,
    stopped: [],
    generations: slots.newestGenerations(),
    ending: undefined,
    over: false,
  }
  // A stage that ran once has to run again: it is asked for now.
  return replace(
    madeUp,
    asked.stages.filter((stage) => stage !== 'formation'),
  )
}
