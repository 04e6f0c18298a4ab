import type { JournalEvent } from '../core/journal.ts'
import type { Flags } from '../core/settings.ts'
import { bootNow } from '../runtime/clock.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { OwnLog } from '../runtime/own-log.ts'
import { childOf } from '../runtime/process-table.ts'
import { takeGround } from './formation.ts'
import { describeEvent, describeRuns, farewell } from './journal-text.ts'
import { codeOf, newSupervisor, serve } from './supervising.ts'
import { supervisorLog } from './supervisor-log.ts'

/**
 * Supervises a formation that nobody looks at, given its flags as JSON; what it has to say goes to stdout, which is its own
 * log.
 */
export async function supervise(text: string, isRevival: boolean): Promise<number> {
  closeInheritedDescriptors()
  const flags = JSON.parse(text) as Flags
  const ground = await takeGround(flags, isRevival)
  if (!isRevival && ground.stages.length > 1)
    (await import('./late-stages.ts')).refuseLateStages(ground, flags)
  const log = new OwnLog(supervisorLog(ground.state))
  const { graceMs } = ground.app.settings
  const journal = (event: JournalEvent): void => {
    const text =
      event.type === 'started'
        ? describeRuns(event.runs, ({ pid }) => (pid === undefined ? undefined : childOf(pid)))
        : describeEvent(event, graceMs, bootNow(), childOf)
    if (text !== undefined) log.note(text)
  }
  const supervisor = newSupervisor(ground, { journal, isDetached: true, isColorTerminal: false })
  const result = await serve(supervisor, ground)
  log.note(farewell(result))
  return codeOf(result)
}
