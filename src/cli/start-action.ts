import { wantsColor } from '../core/color.ts'
import { diagnosticLine } from '../core/diagnostic.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { Flags } from '../core/settings.ts'
import { makeControlFolder } from '../runtime/control-path.ts'
import { listenForCommands } from '../runtime/control-server.ts'
import { Definition } from '../runtime/definition.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { here } from '../runtime/place.ts'
import { keptRuns, runPath } from '../runtime/run-directory.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { Supervisor } from '../runtime/supervisor.ts'
import type { RunResult } from '../runtime/supervisor.ts'
import { isTerminal } from '../runtime/terminal.ts'
import { takeGround } from './formation.ts'
import type { Ground } from './formation.ts'
import { describeReason } from './journal-text.ts'
import { StartView } from './start-view.ts'

const STDOUT = 1
/** The exit code when something survived the shutdown. */
export const SURVIVED = 3
const PID_1 =
  'running as pid 1: nobody reaps what processes leave behind; put an init in front, such as docker run --init or tini -s'
/** What begins the end of a formation. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Runs the formation in the foreground to its end; the exit code of the run. */
export async function start(types: readonly string[], flags: Flags): Promise<number> {
  closeInheritedDescriptors()
  const ground = await takeGround({ ...flags, types })
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
  supervisor = newSupervisor(ground, { journal, isDetached: false, isColorTerminal: color && isOnTerminal })
  if (early.some(({ type }) => type === 'carried-on')) showAgain(view, state, supervisor)
  if (process.pid === 1) view.show({ type: 'trouble', message: PID_1 })
  for (const warning of app.warnings) view.show({ type: 'trouble', message: diagnosticLine(warning) })
  for (const event of early) view.show(event)
  const result = await serve(supervisor, ground)
  await view.close(result.ending, farewell(result))
  return codeOf(result)
}

export interface SupervisorChoices {
  readonly journal: (event: JournalEvent) => void
  readonly isDetached: boolean
  readonly isFixture?: true
  /** Whether the formation's output goes to a terminal with colours. */
  readonly isColorTerminal: boolean
}

export function newSupervisor(ground: Ground, choices: SupervisorChoices): Supervisor {
  const { app, state, lock, slots, stages, flags, isRevival } = ground
  const { journal, isDetached, isFixture, isColorTerminal } = choices
  const { formation, only, except } = app.settings
  const keepsCounts = formation.text === '' && only.length + except.length === 0
  return new Supervisor({
    state,
    lock,
    slots,
    place: here(),
    asked: {
      counts: Object.fromEntries(app.counts),
      stages,
      isDetached,
      isFixture,
      hasRouter: app.router !== undefined,
      flags,
      isRevival,
      keepsCounts,
    },
    definition: new Definition(app, isColorTerminal),
    journal,
  })
}

/** Runs a supervisor to the end of its formation, listening to signals and commands. */
export async function serve(supervisor: Supervisor, { socket }: Ground): Promise<RunResult> {
  for (const signal of SIGNALS) process.on(signal, () => supervisor.end({ kind: 'signal', signal }))
  makeControlFolder()
  const server = await listenForCommands(socket, (request) => supervisor.apply(request))
  supervisor.publish(socket)
  const result = await supervisor.run()
  server.close()
  return result
}

export function codeOf({ survivors, ending }: RunResult): number {
  return survivors.length > 0 ? SURVIVED : ending.code
}

/** What an interrupted session had not shown yet, the older runs of a process first. */
function showAgain(view: StartView, state: StateDir, supervisor: Supervisor): void {
  const { id: session } = supervisor.session
  for (const newest of supervisor.runs()) {
    view.carryOn(keptRuns(state, newest.id).filter((run) => run.session === session))
    if (newest.done) view.runEnded(newest.id)
  }
}

/** The last line: what is left, and why it ended. */
export function farewell({ ending, survivors }: RunResult): string {
  const why = describeReason(ending.reason)
  if (survivors.length === 0) return `all stopped, nothing left running (${why})`
  const list = survivors.map(({ pid, command }) => `${command} (pid ${pid})`).join(', ')
  return `still running, and could not be stopped: ${list} (${why})`
}
