import type { ProcessPlan } from '../core/expand.ts'
import type { ProcessId } from '../core/names.ts'
import type { Slots } from './slots.ts'

/** Which of these processes run as something else than they are planned to be now. */
export function editedOf(plans: readonly ProcessPlan[], slots: Slots): ProcessId[] {
  return plans.flatMap(({ id, command, port }) => {
    const run = slots.run(id)
    return run?.life === 'alive' && (run.command !== command || run.port !== port) ? [id] : []
  })
}
