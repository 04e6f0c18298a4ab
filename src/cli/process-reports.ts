import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expandIds } from '../core/edit.ts'
import { parseProcessId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import { READY_AFTER_MS } from '../core/readiness.ts'
import type { ProcessReport } from '../core/report.ts'
import type { Session } from '../core/session.ts'
import { exitStatus } from '../core/status.ts'
import { bootFromWall, bootNow } from '../runtime/clock.ts'
import { keptRuns, readHistory } from '../runtime/run-directory.ts'
import type { RunRecord } from '../runtime/run-directory.ts'
import type { StateDir } from '../runtime/state-dir.ts'

/** What every process of a formation that is over did: the state directory remembers it. */
export function processReports(
  state: StateDir,
  session: Session,
  peaks: ReadonlyMap<ProcessId, number>,
): ProcessReport[] {
  return expandIds({ ...session, stopped: [] }).map((id) => {
    const { type, instance } = parseProcessId(id) ?? { type: id, instance: 0 }
    const run = keptRuns(state, id).findLast((one) => one.session === session.id)
    const ends = readHistory(state, id).filter(({ startedAt }) => startedAt >= session.beganAt)
    return {
      process: id,
      type,
      instance,
      port: run?.port ?? 0,
      ...timesOf(run),
      restarts: Math.max(0, ends.length - 1),
      exits: ends.map(({ exit }) => exitStatus(exit)),
      peakMemory: peaks.get(id) ?? null,
    }
  })
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
