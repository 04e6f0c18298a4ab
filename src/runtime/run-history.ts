import { appendFileSync, statSync } from 'node:fs'
import { newestEnds } from '../core/history.ts'
import type { ProcessId } from '../core/names.ts'
import type { End } from '../core/process.ts'
import { decodeEnd } from '../core/records.ts'
import { readIfThere, replaceFile } from './disk.ts'
import { HISTORY } from './run-directory.ts'
import type { StateDir } from './state-dir.ts'

/** The history is cut to its last lines when it is longer than this, bytes. */
const HISTORY_LIMIT = 512 * 1024
/** As many ends as `on-failure:999` counts, and one. */
export const KEPT_ENDS = 1000

/** The ends of a process's runs, oldest first; lines that are none are passed over. */
export function readHistory(state: StateDir, id: ProcessId): End[] {
  return historyOf(state, id)
    .split('\n')
    .flatMap((line) => decodeEnd(line) ?? [])
}

/** Those of them that anything depends on still, and all from the run `from` on. */
export function readNewestEnds(state: StateDir, id: ProcessId, from = Infinity): End[] {
  return newestEnds(historyOf(state, id), from)
}

function historyOf(state: StateDir, id: ProcessId): string {
  return readIfThere(historyPath(state, id)) ?? ''
}

/** How much there is of it, bytes: more with each end, until it is cut. */
export function historyLength(state: StateDir, id: ProcessId): number {
  return statSync(historyPath(state, id), { throwIfNoEntry: false })?.size ?? 0
}

/** Adds one end: from here on the run is over. One short append, which no `kill -9` can tear. */
export function appendEnd(state: StateDir, id: ProcessId, end: End): void {
  const path = historyPath(state, id)
  if (historyLength(state, id) > HISTORY_LIMIT) {
    const lines = readHistory(state, id).slice(-KEPT_ENDS)
    replaceFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  }
  // A line cut off by a full disk must not swallow this one.
  appendFileSync(path, `\n${JSON.stringify(end)}\n`, { mode: 0o600 })
}

function historyPath(state: StateDir, id: ProcessId): string {
  return `${state.processes}/${id}/${HISTORY}`
}
