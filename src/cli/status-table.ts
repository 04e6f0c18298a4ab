import { printable } from '../core/printable.ts'
import type { ProcessStatus } from '../core/status.ts'
import { duration } from './journal-text.ts'
import { table } from './messages.ts'
import type { Stats } from './ps-action.ts'

/** What `ps` prints for a person. */
export function statusTable(rows: readonly ProcessStatus[], stats: ReadonlyMap<number, Stats>): string {
  const hasStats = stats.size > 0
  const hasNodes = rows.some(({ engine }) => engine !== 'local')
  const head = [
    'PROCESS',
    'PHASE',
    'PID',
    'PORT',
    'UP FOR',
    'RESTARTS',
    'LAST EXIT',
    ...(hasNodes ? ['NODE'] : []),
    ...(hasStats ? ['CPU', 'MEMORY'] : []),
  ]
  const lines = rows.map((row) => [
    ...cells(row),
    ...(hasNodes ? [row.node === '' ? '-' : row.node] : []),
    ...(hasStats ? statsCells(row, stats) : []),
  ])
  return table([head, ...lines])
}

function cells({ process, phase, ready, pid, port, upFor, restarts, lastExit }: ProcessStatus): string[] {
  // On an engine its pid means nothing here.
  const isUp = pid !== null || phase === 'up'
  return [
    process,
    phase === 'up' && ready ? 'ready' : phase,
    pid === null ? '-' : String(pid),
    String(port),
    isUp ? duration(upFor) : '-',
    String(restarts),
    exitText(lastExit),
  ]
}

function exitText(exit: ProcessStatus['lastExit']): string {
  if (exit === null) return '-'
  if ('code' in exit) return String(exit.code)
  if ('signal' in exit) return exit.signal
  return 'unknown' in exit ? `unknown (${firstLine(exit.unknown)})` : 'not alive'
}

/** A mistake in a file is said with its line and a mark below it: more than a cell holds. */
function firstLine(text: string): string {
  return printable(text.split('\n')[0] ?? '')
}

function statsCells({ pid }: ProcessStatus, stats: ReadonlyMap<number, Stats>): string[] {
  const found = pid === null ? undefined : stats.get(pid)
  if (found === undefined) return ['-', '-']
  return [`${found.cpu.toFixed(1)} %`, `${(found.memory / 1024 / 1024).toFixed(1)} MB`]
}
