import type { ProcessId } from '../core/names.ts'
import { printable } from '../core/printable.ts'
import type { Observed } from '../core/process.ts'
import { tail } from '../runtime/log-tail.ts'
import { runPath } from '../runtime/run-directory.ts'
import type { StateDir } from '../runtime/state-dir.ts'

/** How much is shown of a process that failed. */
const LAST_LINES = 20
/** No more of a line than this is shown again, bytes. */
const LONGEST_LINE = 2_000

/** The last lines that the newest run of a process has written, safe to show. */
export function lastLines(state: StateDir, observed: Observed, id: ProcessId): string[] {
  const seen = observed.get(id)
  if (seen === undefined || !('run' in seen)) return []
  const { lines } = tail(runPath(state, id, seen.run.number), LAST_LINES)
  return lines.map(({ bytes }) => {
    const text = bytes.subarray(0, LONGEST_LINE).toString()
    return `${printable(text.replace(/\r?\n$/, ''))}${bytes.length > LONGEST_LINE ? '...' : ''}`
  })
}
