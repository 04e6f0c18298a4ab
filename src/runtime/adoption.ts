import { closeSync } from 'node:fs'
import type { ProcessId } from '../core/names.ts'
import type { End, Run } from '../core/process.ts'
import type { Place } from '../core/session.ts'
import { openHeldLauncher } from './launcher.ts'
import { isHeld, openForReading } from './lifeline.ts'
import { newRun, overRun } from './new-run.ts'
import * as directory from './run-directory.ts'
import { findShim, tokenOfShim } from './shim.ts'
import type { StateDir } from './state-dir.ts'
import { failedWith } from './system-error.ts'

/** A run as it was found by who takes over, and what there is of it to be followed. */
export interface Found {
  readonly run: Run
  /** A descriptor of the read end; whoever gets it closes it. */
  readonly lifeline?: number
  /** The same of its launcher, while that is at work: before it is gone, nobody knows whether the run lives. */
  readonly launcher?: number
  /** Its lifeline has no name any more and says nothing: it lives as long as its shim is seen. */
  readonly isUnlinked?: true
}

export interface Search {
  readonly state: StateDir
  readonly place: Place
  readonly id: ProcessId
  /** Of the newest run of the process that is on disk. */
  readonly number: number | undefined
  /** How its runs ended, as far as anything depends on it. */
  readonly ends: readonly End[]
}

/**
 * The newest run of a process, from the state directory and the kernel; undefined where there was none, or the path
 * of a directory that makes no sense.
 */
export function findNewest(search: Search): Found | { damaged: string } | undefined {
  const { state, place, id, number, ends } = search
  const refused = findRefused(search)
  if (refused !== undefined) return { run: refused }
  if (number === undefined) return undefined
  const path = directory.runPath(state, id, number)
  const spec = directory.readSpec(path)
  if (spec === undefined || spec.id !== id || spec.number !== number) {
    const nameless = recover(id, number, path)
    return nameless === undefined ? { damaged: path } : adopt(nameless, path)
  }
  const end = ends.findLast((one) => one.run === number)
  if (end !== undefined) return { run: overRun(spec, end) }
  const { path: _, bootId, pidNamespace, ...facts } = directory.readRunOf(spec, path)
  const run: Run = { ...facts, life: 'dead', leftovers: undefined, done: false }
  const elsewhere = bootId !== place.bootId || pidNamespace !== place.pidNamespace
  return elsewhere ? { run: lostToReboot(run) } : adopt(run, path)
}

/** A later run than `newest` that was refused before its directory had its name: nothing of it ever ran. */
function findRefused({ state, id, number: newest = 0, ends }: Search): Run | undefined {
  const end = ends.at(-1)
  if (end === undefined || end.run <= newest) return undefined
  const spec = directory.readSpec(directory.newPath(directory.runPath(state, id, end.run)))
  return spec && overRun(spec, end)
}

/** A run whose spec.json is damaged, from its shim's arguments: of no generation, so it will be replaced. */
function recover(id: ProcessId, number: number, path: string): Run | undefined {
  const pid = directory.readPid(path)
  const token = pid === undefined ? undefined : tokenOfShim(pid, path)
  if (pid === undefined || token === undefined) return undefined
  const nameless = { id, number, token, generation: 0, session: '', command: '', port: 0, isProbed: false }
  return { ...newRun(nameless), pid, life: 'dead' }
}

/** A run of this boot: alive if its shim holds the lifeline. */
function adopt(run: Run, path: string): Found {
  let lifeline: number
  try {
    lifeline = openForReading(`${path}/life`)
  } catch (error) {
    if (!failedWith(error, 'ENOENT')) throw error
    return adoptByToken(run, path)
  }
  const alive = { run: { ...run, life: 'alive' }, lifeline } as const
  if (isHeld(lifeline)) return alive
  const launcher = openHeldLauncher(path)
  if (launcher !== undefined) return { ...alive, launcher }
  // Asked again: its launcher may have started it and ended between the two looks.
  if (isHeld(lifeline)) return alive
  closeSync(lifeline)
  return { run: withLastWords(run, path) }
}

function adoptByToken(run: Run, path: string): Found {
  const pid = findShim(run.token)
  if (pid === undefined) return { run: withLastWords(run, path) }
  return { run: { ...run, life: 'alive', pid }, isUnlinked: true }
}

/** What a shim wrote that ended after its directory was read and before its lifeline was looked at. */
function withLastWords(run: Run, path: string): Run {
  return { ...run, pid: run.pid ?? directory.readPid(path), ...directory.readExit(path, run.startedAt) }
}

/** Nothing of another boot or container lives here, and its pids are other people's: no signal, no search. */
function lostToReboot(run: Run): Run {
  const exit = run.exit ?? { kind: 'lost', why: 'reboot' }
  return { ...run, exit, endedAt: run.startedAt, leftovers: { pids: [], lookedAt: 0 } }
}
