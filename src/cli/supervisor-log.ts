import { join } from 'node:path'
import type { StateDir } from '../runtime/state-dir.ts'

/** Where a supervisor without a terminal says what it has to say. */
export function supervisorLog({ path }: StateDir): string {
  return join(path, 'supervisor.log')
}
