import type { Ending } from '../core/session.ts'
import type { Carrier } from './process-table.ts'

/** How a run of the formation ended: its exit code, why, and what could not be ended. */
export interface RunResult {
  readonly ending: Ending
  readonly survivors: readonly Carrier[]
}
