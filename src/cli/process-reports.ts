import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expandIds } from '../core/edit.ts'
import { parseProcessId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import { READY_AFTER_MS } from '../core/readiness.ts'
import type { ProcessReport } from '../core/report.ts'
import { isRestartedFor } from '../core/restart.ts'
import { exitStatus } from '../core/status.ts'
import { bootFromWall, bootNow } from '../runtime/clock.ts'
import { keptRuns, knownProcesses } from '../runtime/run-directory.ts'
import { readHistory } from '../runtime/run-history.ts'
import type { RunRecord } from '../runtime/run-directory.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import type { Fixture } from './fixture.ts'

/** What every process of a formation that is over did: the state directory remembers it. */
export function processReports(
  { app, state, session }: Pick<Fixture, 'app' | 'state' | 'session'>,
  peaks: ReadonlyMap<ProcessId, number>,
): ProcessReport[] {
  const planned = new Map(app.plan.map(({ id, port }) => [id, port]))
  const newest = newestRuns(state, session.id)
  // Stages, and what was scaled away meanwhile, were of it too.
  return [...new Set([...expandIds({ ...session, stopped: [] }), ...newest.keys()])].map((id) => {
    const { type, instance } = parseProcessId(id) ?? { type: id, instance: 0 }
    const run = newest.get(id)
    const ends = readHistory(state, id).filter(({ startedAt }) => startedAt >= session.beganAt)
    return {
      process: id,
      type,
      instance,
      port: run?.port ?? planned.get(id) ?? 0,
      ...timesOf(run),
      restarts: ends.slice(0, -1).filter(isRestartedFor).length,
      exits: ends.map(({ exit }) => exitStatus(exit)),
      peakMemory: peaks.get(id) ?? null,
    }
  })
}

function newestRuns(state: StateDir, session: string): Map<ProcessId, RunRecord> {
  const runs = knownProcesses(state).map((id) =>
    keptRuns(state, id).findLast((one) => one.session === session),
  )
  return new Map(runs.flatMap((run) => (run === undefined ? [] : [[run.id, run] as const])))
}

function timesOf(run: RunRecord | undefined): Pick<ProcessReport, 'upMs' | 'readyMs' | 'stopMs'> {
  if (run === undefined) return { upMs: null, readyMs: null, stopMs: null }
  const upAt = writtenAt(run, 'pid')
  const toldAt = run.told ? writtenAt(run, 'told') : undefined
  return {
    upMs: since(run.startedAt, upAt),
    readyMs: since(run.startedAt, readyAt(run)),
    stopMs: toldAt === undefined ? null : since(toldAt, run.endedAt),
  }
}

/** ms since boot; one without checks is ready when it has been up for long enough. */
function readyAt({ isProbed, health, startedAt, endedAt = Infinity }: RunRecord): number | undefined {
  if (isProbed) return health.readyAt
  return endedAt - startedAt >= READY_AFTER_MS ? startedAt + READY_AFTER_MS : undefined
}

/** When a file of a run's directory was written, ms since boot. */
function writtenAt({ path, startedAt }: RunRecord, name: string): number | undefined {
  const stat = statSync(join(path, name), { throwIfNoEntry: false })
  return stat === undefined ? undefined : bootFromWall(stat.mtimeMs, startedAt, bootNow())
}

function since(from: number, to: number | undefined): number | null {
  return to === undefined ? null : Math.max(0, Math.round(to - from))
}
