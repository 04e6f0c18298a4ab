import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { wantsColor } from '../core/color.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { ProcessId } from '../core/names.ts'
import type { Observed, Run } from '../core/process.ts'
import type { Request, Reply } from '../core/protocol.ts'
import { isUnfinished } from '../core/session.ts'
import type { Reason, Session } from '../core/session.ts'
import type { Flags } from '../core/settings.ts'
import { readFolder } from '../runtime/disk.ts'
import { loadApp } from '../runtime/load.ts'
import type { App } from '../runtime/load.ts'
import { view } from '../runtime/observer.ts'
import { here } from '../runtime/place.ts'
import { reservePorts } from '../runtime/port-pages.ts'
import { runPath } from '../runtime/run-directory.ts'
import { locateStateDir } from '../runtime/state-dir.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import type { RunResult, Supervisor } from '../runtime/supervisor.ts'
import { isTerminal } from '../runtime/terminal.ts'
import { applyHere } from './apply-here.ts'
import { takeGround } from './formation.ts'
import { newSupervisor, serve } from './start-action.ts'
import { StartView } from './start-view.ts'
import { missingOf } from './waiting.ts'
import type { Missing } from './waiting.ts'

const STDERR = 2
const LOOK_AGAIN_MS = 20
/** From the ports of one type to the next where they are chosen for the user, so that they fit into one page. */
const AUTO_STEP = 10
/** Formations that have their own ports have their own state, in this folder of the state directory. */
const OWN_STATE = 'with'

export interface FixtureChoices {
  /** Hears what happens, instead of a person who would see it. */
  readonly observe?: (event: JournalEvent) => void
  /** Called when the state directory is there and before anything starts. */
  readonly prepare?: (state: StateDir) => void
}

interface Hooks {
  ending: () => void
}

interface Parts {
  readonly app: App
  readonly state: StateDir
  readonly supervisor: Supervisor
  readonly view: StartView | undefined
  readonly hooks: Hooks
  readonly ended: Promise<RunResult>
}

/** A formation that lives as long as a piece of work that needs it. Its output goes to stderr. */
export class Fixture {
  readonly app: App
  readonly state: StateDir
  readonly #supervisor: Supervisor
  readonly #view: StartView | undefined
  readonly #hooks: Hooks
  /** Resolves when the formation is over, whatever ended it. */
  readonly ended: Promise<RunResult>

  private constructor({ app, state, supervisor, view: started, hooks, ended }: Parts) {
    this.app = app
    this.state = state
    this.#supervisor = supervisor
    this.#view = started
    this.#hooks = hooks
    this.ended = ended
  }

  /** Starts the formation. Errors: TwRunError, nothing runs then. */
  static async open(flags: Flags, choices: FixtureChoices = {}): Promise<Fixture> {
    const ground = await takeGround(flags)
    const { app, state } = ground
    choices.prepare?.(state)
    const isOnTerminal = isTerminal(STDERR)
    const color = wantsColor(app.settings.color, process.env, isOnTerminal)
    const started =
      choices.observe === undefined
        ? await StartView.open({
            app,
            fd: STDERR,
            color,
            directoryOf: ({ id, number }) => runPath(state, id, number),
            // The work is what counts; its own output tells it that nobody reads.
            readerGone: () => {},
          })
        : undefined
    const hooks: Hooks = { ending: () => {} }
    const journal = (event: JournalEvent): void => {
      if (event.type === 'ending') hooks.ending()
      started?.show(event)
      choices.observe?.(event)
    }
    const supervisor = newSupervisor(ground, {
      journal,
      isDetached: false,
      isColorTerminal: color && isOnTerminal,
    })
    const ended = serve(supervisor, ground)
    return new Fixture({ app, state, supervisor, view: started, hooks, ended })
  }

  get session(): Session {
    return this.#supervisor.session
  }

  /** The newest run of every process of this formation. */
  runs(): Run[] {
    return this.#supervisor.runs()
  }

  observed(): Observed {
    return this.#supervisor.observed()
  }

  apply(request: Request): Reply {
    return this.#supervisor.apply(request)
  }

  end(reason: Reason): void {
    this.#supervisor.end(reason)
  }

  /** Calls back once when the formation begins to end by itself; returns how to call that off. */
  onEnding(callback: () => void): () => void {
    this.#hooks.ending = callback
    if (this.session.ending !== undefined) callback()
    return () => (this.#hooks.ending = () => {})
  }

  /** What is not ready now. */
  notReady(): readonly ProcessId[] {
    return missingOf({ session: this.session, observed: this.observed() }, 'ready').missing
  }

  /** Resolves when everything is ready, something failed, or the formation is ending; what is missing then. */
  async ready(): Promise<Missing> {
    for (;;) {
      const { session } = this
      const found = missingOf({ session, observed: this.observed() }, 'ready')
      if (found.missing.length === 0 || found.failed.length > 0 || session.ending !== undefined) return found
      await sleep(LOOK_AGAIN_MS)
    }
  }

  /** Stops what still runs, shows what is still to be shown, and says how it ended. */
  async close(reason: Reason, lastWord: (result: RunResult) => string): Promise<RunResult> {
    if (this.session.ending === undefined) this.end(reason)
    const result = await this.ended
    await this.#view?.close(result.ending, lastWord(result))
    return result
  }
}

/**
 * The options for a formation of its own: with `--port auto`, ports that nobody else has and a state directory beside
 * the usual one, so that several can run at once; others of the kind whose tw-run was killed are ended first.
 */
export async function ownGround(flags: Flags): Promise<Flags> {
  if ((flags.port ?? process.env['TW_RUN_PORT']) !== 'auto') return flags
  const step = flags.portStep ?? String(AUTO_STEP)
  const app = loadApp({ ...flags, port: '20000', portStep: step }, process.env)
  const usual = locateStateDir(app.root, app.stateDir).path
  await endAbandoned(join(usual, OWN_STATE), app)
  const last = Math.max(...app.plan.filter(({ id }) => id !== app.router?.id).map(({ port }) => port))
  const count = last - 20_000 + 2
  const first = reservePorts(count, Math.random())
  return {
    ...flags,
    port: String(first),
    portStep: step,
    stateDir: join(usual, OWN_STATE, String(first)),
    ...(app.router === undefined ? {} : { router: `${app.settings.router?.host}:${first + count - 1}` }),
  }
}

/** A `with` that was killed left its processes; nobody else would ever find them. */
async function endAbandoned(folder: string, { root }: App): Promise<void> {
  for (const name of readFolder(folder)) {
    const stateDir = join(folder, name)
    const { session, supervisor } = view(locateStateDir(root, stateDir))
    if (supervisor !== undefined || session === undefined || !isUnfinished(session, here())) continue
    await applyHere(session.flags, { do: 'stop', targets: [] })
  }
}
