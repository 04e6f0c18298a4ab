import { setTimeout as sleep } from 'node:timers/promises'
import { formatFormation } from '../core/formation.ts'
import type { Flags } from '../core/settings.ts'
import type { ProcessStatus } from '../core/status.ts'
import { rowsOf, view } from '../runtime/observer.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { isTerminal, say } from '../runtime/terminal.ts'
import { revive } from './control.ts'
import { reachEngine } from './engine.ts'
import { nothingText } from './nothing-runs.ts'
import type { PsOptions } from './ps.ts'
import { forSameApp } from './same-app.ts'
import { statusTable } from './status-table.ts'

const WATCH_EVERY_MS = 1_000

/** Prints what runs, once or again and again until nobody reads it. */
export async function ps(flags: Flags, options: PsOptions): Promise<void> {
  const { here, reached } = await reachEngine(flags)
  if (reached !== undefined) {
    const { psOn } = await import('./engine-control-action.ts')
    await psOn(reached, options)
    return
  }
  for (;;) {
    const isRead = say(1, await screen(here.state, flags, options))
    if (options.watch !== true || !isRead) return
    await sleep(WATCH_EVERY_MS)
  }
}

async function screen(state: StateDir, flags: Flags, options: PsOptions): Promise<string> {
  const seen = view(state)
  revive(seen)
  const rows = rowsOf(seen)
  const stats = options.stats === true ? await statsOf(rows) : new Map<number, Stats>()
  if (options.json === true) {
    return `${JSON.stringify(rows.map((row) => ({ ...row, ...statsIn(row, stats) })))}\n`
  }
  const clear = options.watch === true && isTerminal(1) ? '\u001b[H\u001b[2J' : ''
  const where =
    options.verbose === true ? `state: ${state.path}\nsupervisor: ${seen.supervisor ?? 'none'}\n` : ''
  const formation =
    seen.session === undefined || seen.session.over
      ? ''
      : formatFormation(new Map(Object.entries(seen.session.counts)))
  const none =
    rows.length === 0
      ? `${forSameApp(nothingText(seen), flags)}${formation === '' ? '' : ` (${formation})`}\n`
      : ''
  const alone =
    rows.length > 0 && seen.supervisor === undefined && seen.session?.isDetached !== true
      ? forSameApp('no supervisor: what ends is not started again; carry on with: tw-run start\n', flags)
      : ''
  const unready =
    options.verbose === true
      ? rows.flatMap(({ process, reason }) =>
          reason === undefined ? [] : [`${process} is not ready: ${reason}\n`],
        )
      : []
  return `${clear}${where}${none}${rows.length === 0 ? '' : statusTable(rows, stats)}${unready.join('')}${alone}`
}

/** Of one process: percent of a core, and bytes of memory. */
export interface Stats {
  readonly cpu: number
  readonly memory: number
}

async function statsOf(rows: readonly ProcessStatus[]): Promise<Map<number, Stats>> {
  const pids = rows.flatMap(({ pid }) => pid ?? [])
  if (pids.length === 0) return new Map()
  const { default: pidusage } = await import('pidusage')
  try {
    const found = await pidusage(pids)
    return new Map(Object.entries(found).map(([pid, { cpu, memory }]) => [Number(pid), { cpu, memory }]))
  } catch {
    // One of them ended in this moment.
    return new Map()
  } finally {
    // It would keep what it knows, and us, for a minute.
    pidusage.clear()
  }
}

function statsIn({ pid }: ProcessStatus, stats: ReadonlyMap<number, Stats>): Partial<Stats> {
  return (pid === null ? undefined : stats.get(pid)) ?? {}
}
