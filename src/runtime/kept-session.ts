import { decodeSession } from '../core/session-record.ts'
import type { Session } from '../core/session.ts'
import { readIfThere } from './disk.ts'
import type { StateDir } from './state-dir.ts'

/** The session that is on disk now; undefined where there is none that makes sense. */
export function keptSession({ session: path }: Pick<StateDir, 'session'>): Session | undefined {
  return decodeSession(readIfThere(path) ?? '')
}
