import type { Run } from '../core/process.ts'
import type { Session } from '../core/session.ts'
import { describeTakenIn } from '../core/taken-in.ts'
import { Definition } from '../runtime/definition.ts'
import type { App } from '../runtime/load.ts'

/** What a start has changed in the formation that it carries on, and why, as its supervisor has it; `runs` are those of before. */
export function linesTakenIn(app: App, runs: readonly Run[], session: Session): string[] {
  return describeTakenIn(session, { runs, plans: new Definition(app, false).wanted(session) })
}
