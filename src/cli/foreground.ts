import { statSync } from 'node:fs'
import { join } from 'node:path'
import { wantsColor } from '../core/color.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { Run } from '../core/process.ts'
import { keptRuns, runPath } from '../runtime/run-directory.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import type { Supervisor } from '../runtime/supervisor.ts'
import { isTerminal } from '../runtime/terminal.ts'
import type { Ground } from './formation.ts'
import { farewell } from './journal-text.ts'
import { StartView } from './start-view.ts'
import { codeOf, newSupervisor, serve } from './supervising.ts'

const STDOUT = 1
const PID_1 =
  'running as pid 1: nobody reaps what processes leave behind; put an init in front, such as docker run --init or tini -s'

/** Runs the formation in the foreground to its end; the exit code of the run. */
export async function runInForeground(ground: Ground): Promise<number> {
  const { app, state } = ground
  const isOnTerminal = isTerminal(STDOUT)
  const color = wantsColor(app.settings.color, process.env, isOnTerminal)
  let supervisor: Supervisor | undefined
  const view = await StartView.open({
    app,
    fd: STDOUT,
    color,
    directoryOf: ({ id, number }) => runPath(state, id, number),
    readerGone: () =>
      // A terminal that was closed may be seen by a write before its SIGHUP arrives.
      supervisor?.end(isOnTerminal ? { kind: 'signal', signal: 'SIGHUP' } : { kind: 'reader-gone' }),
  })
  const early: JournalEvent[] = []
  const journal = (event: JournalEvent): void => {
    if (supervisor === undefined) early.push(event)
    else view.show(event)
  }
  const surroundings = { ...ground.surroundings, shows: true }
  supervisor = newSupervisor(
    { ...ground, surroundings },
    { journal, isDetached: false, isColorTerminal: color && isOnTerminal },
  )
  if (early.some(({ type }) => type === 'carried-on')) showAgain(view, state, supervisor)
  if (process.pid === 1) view.show({ type: 'trouble', message: PID_1 })
  view.warn()
  for (const event of early) view.show(event)
  const result = await serve(supervisor, ground)
  await view.close(result.ending, farewell(result))
  return codeOf(result)
}

/** Whether it has said nothing. */
function isSilent(state: StateDir, { id, number }: Pick<Run, 'id' | 'number'>): boolean {
  const log = statSync(join(runPath(state, id, number), 'log'), { throwIfNoEntry: false })
  return (log?.size ?? 0) === 0
}

/** What an interrupted session had not shown yet, the older runs of a process first. */
function showAgain(view: StartView, state: StateDir, supervisor: Supervisor): void {
  const { id: session } = supervisor.session
  for (const newest of supervisor.runs()) {
    const runs = keptRuns(state, newest.id).filter((run) => run.session === session)
    // Many may have failed to start, and each log that is followed takes descriptors.
    view.carryOn(newest.done && runs.every((run) => isSilent(state, run)) ? [] : runs)
    if (newest.done) view.runEnded(newest.id)
  }
}
