import { wantsColor } from '../core/color.ts'
import { environmentFor, valuesOf } from '../core/environment.ts'
import { expand, planOf } from '../core/expand.ts'
import type { ProcessPlan } from '../core/expand.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { Session, Stage } from '../core/session.ts'
import type { Flags } from '../core/settings.ts'
import { crashPoint } from '../runtime/crash-points.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { loadLayers } from '../runtime/env-files.ts'
import { loadApp, requireProcesses } from '../runtime/load.ts'
import type { App } from '../runtime/load.ts'
import { takeLock } from '../runtime/lock.ts'
import { here } from '../runtime/place.ts'
import { keptRuns, runPath } from '../runtime/run-directory.ts'
import { Slots } from '../runtime/slots.ts'
import type { EnvironmentOf } from '../runtime/starter.ts'
import { locateStateDir, makeStateDir } from '../runtime/state-dir.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { Supervisor } from '../runtime/supervisor.ts'
import type { RunResult } from '../runtime/supervisor.ts'
import { isTerminal } from '../runtime/terminal.ts'
import { describeReason } from './journal-text.ts'
import { StartView } from './start-view.ts'
import { refuseTakenPorts } from './taken-ports.ts'

const STDOUT = 1
const STOP_SIGNAL = 'SIGTERM'
/** The exit code when something survived the shutdown. */
const SURVIVED = 3
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Runs the formation in the foreground to its end; the exit code of the run. */
export async function start(types: readonly string[], flags: Flags): Promise<number> {
  closeInheritedDescriptors()
  const app = loadApp({ ...flags, types }, process.env)
  const stages = stagesOf(app)
  if (stages.length === 1) requireProcesses(app)
  const state = locateStateDir(app.root, app.stateDir)
  makeStateDir(state)
  await takeLock(state.lock)
  crashPoint('lock:held')
  const slots = new Slots(state, here())
  slots.load()
  refuseTakenPorts(app, slots)
  return supervise(app, { state, slots, stages })
}

interface Ground {
  readonly state: StateDir
  readonly slots: Slots
  readonly stages: readonly Stage[]
}

async function supervise(app: App, { state, slots, stages }: Ground): Promise<number> {
  const isOnTerminal = isTerminal(STDOUT)
  const color = wantsColor(app.settings.color, process.env, isOnTerminal)
  let supervisor: Supervisor | undefined
  const view = await StartView.open({
    app,
    color,
    directoryOf: ({ id, number }) => runPath(state, id, number),
    // A terminal that was closed may be seen by a write before its SIGHUP arrives.
    readerGone: () =>
      supervisor?.end(isOnTerminal ? { kind: 'signal', signal: 'SIGHUP' } : { kind: 'reader-gone' }),
  })
  const early: JournalEvent[] = []
  supervisor = new Supervisor({
    state,
    slots,
    root: app.root,
    place: here(),
    asked: {
      counts: Object.fromEntries(app.counts),
      stages,
    },
    policy: app.settings.restart,
    stopSignal: STOP_SIGNAL,
    graceMs: app.settings.graceMs,
    planOf: (stage, counts) => plansOf(app, stage, counts),
    readEnvironment: () => environmentReader(app, color),
    journal: (event) => (supervisor === undefined ? early.push(event) : view.show(event)),
  })
  if (early.some(({ type }) => type === 'carried-on')) showAgain(view, state, supervisor)
  for (const event of early) view.show(event)
  for (const signal of SIGNALS) process.on(signal, () => supervisor?.end({ kind: 'signal', signal }))
  const result = await supervisor.run()
  view.say(farewell(result))
  await view.close()
  return result.survivors.length > 0 ? SURVIVED : result.ending.code
}

/** What an interrupted session had not shown yet, the older runs of a process first. */
function showAgain(view: StartView, state: StateDir, supervisor: Supervisor): void {
  const { id: session } = supervisor.session
  for (const newest of supervisor.runs()) {
    const runs = keptRuns(state, newest.id, session)
    view.carryOn(runs)
    if (newest.done) view.runEnded(newest.id)
  }
}

/** `--release` runs the stages that the Procfile has before the formation. */
function stagesOf({ settings, types }: App): Stage[] {
  const has = (stage: string): boolean => types.some(({ name }) => name === stage)
  const before = (['build', 'release'] as const).filter((stage) => settings.release && has(stage))
  return [...before, 'formation']
}

function plansOf({ types, ports }: App, stage: Stage, counts: Session['counts']): ProcessPlan[] {
  if (stage === 'formation') return expand(types, new Map(Object.entries(counts)), ports)
  const type = types.find(({ name }) => name === stage)
  return type === undefined ? [] : [planOf(type, 1, ports)]
}

/** Reads the environment files as they are now. */
function environmentReader({ envFiles, root, settings }: App, color: boolean): EnvironmentOf {
  const layers = loadLayers(envFiles, process.env)
  const isColorTerminal = color && isTerminal(STDOUT)
  return ({ id, token, port, scratch }) =>
    valuesOf(
      environmentFor(layers, settings.envPrecedence, {
        id,
        token,
        port,
        scratch,
        root,
        color: isColorTerminal,
      }),
    )
}

function farewell({ ending, survivors }: RunResult): string {
  const why = describeReason(ending.reason)
  if (survivors.length === 0) return `all stopped, nothing left running (${why})`
  const list = survivors.map(({ pid, command }) => `${command} (pid ${pid})`).join(', ')
  return `still running, and could not be stopped: ${list} (${why})`
}
