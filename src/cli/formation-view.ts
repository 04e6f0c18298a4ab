import { formatFormation } from '../core/formation.ts'
import { view } from '../runtime/observer.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { say } from '../runtime/terminal.ts'
import { nothingRuns } from './nothing-runs.ts'
import { requireUp } from './waiting.ts'

const STDOUT = 1

export interface Showing {
  /** Everything is to be up first. */
  readonly isAwaited: boolean
  readonly isJson: boolean
  /** Nothing was changed: the formation is what was asked for. */
  readonly isAsked: boolean
}

/** Prints how many run of each type, where somebody wants to know. Errors: TwRunError 1 if nothing runs, or is not up. */
export async function showFormation(state: StateDir, { isAwaited, isJson, isAsked }: Showing): Promise<void> {
  if (isAwaited) await requireUp(state)
  const seen = view(state)
  const { session } = seen
  if (session === undefined || session.over) throw nothingRuns(seen)
  if (isJson) say(STDOUT, `${JSON.stringify(session.counts)}\n`)
  else if (isAsked) say(STDOUT, `${formatFormation(new Map(Object.entries(session.counts)))}\n`)
}
