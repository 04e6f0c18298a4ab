import { existsSync } from 'node:fs'
import { withPid } from '../core/survivors.ts'
import type { Carrier } from '../runtime/process-table.ts'
import { readFolder } from '../runtime/disk.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { mention } from '../runtime/terminal.ts'
import { isWitness } from '../runtime/witness.ts'

/** More processes than this are counted instead of listed. */
const LISTED = 3

/** Ends the commands of this app whose tw-run was killed, and says so; whether there were any. */
export async function endLeft(state: StateDir, graceMs: number): Promise<boolean> {
  // Nearly always there is none: what it takes is loaded where there may be.
  if (!existsSync(state.oneOffs) || readFolder(state.oneOffs).length === 0) return false
  const { endLeftWork } = await import('../runtime/work-record.ts')
  let hasEnded = false
  const tell = (found: readonly Carrier[]): void => {
    hasEnded = true
    const told = found.filter(({ command }) => !isWitness(command))
    if (told.length > 0) mention(`tw-run: ended what a killed tw-run had left here: ${listed(told)}\n`)
  }
  const survivors = await endLeftWork(state, graceMs, tell)
  if (survivors.length === 0) return hasEnded
  mention(`tw-run: of what a killed tw-run had left here this could not be stopped: ${listed(survivors)}\n`)
  return hasEnded
}

function listed(all: readonly Carrier[]): string {
  const words = all.slice(0, LISTED).map(withPid)
  const more = all.length > LISTED ? ` and ${all.length - LISTED} more` : ''
  return `${words.join(', ')}${more}`
}
