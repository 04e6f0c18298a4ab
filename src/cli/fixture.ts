import { setTimeout as sleep } from 'node:timers/promises'
import { wantsColor } from '../core/color.ts'
import { TwRunError } from '../core/error.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { Observed, Run } from '../core/process.ts'
import type { Request, Reply } from '../core/protocol.ts'
import { isUnfinished } from '../core/session.ts'
import type { Ending, Reason, Session } from '../core/session.ts'
import type { Flags } from '../core/settings.ts'
import { keptSession } from '../runtime/kept-session.ts'
import type { App } from '../runtime/load.ts'
import { here } from '../runtime/place.ts'
import { runPath } from '../runtime/run-directory.ts'
import { Slots } from '../runtime/slots.ts'
import type { Lock } from '../runtime/lock.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import type { RunResult } from '../runtime/run-result.ts'
import type { Supervisor } from '../runtime/supervisor.ts'
import { isTerminal, mention } from '../runtime/terminal.ts'
import { takeGround } from './formation.ts'
import type { Ground } from './formation.ts'
import { endLeft } from './left-work.ts'
import { newSupervisor, serve } from './supervising.ts'
import { StartView } from './start-view.ts'
import { endLeftWork } from '../runtime/work-record.ts'
import { leakOf } from './with-cause.ts'
import { missingOf } from './waiting.ts'
import type { Missing } from './waiting.ts'

const STDERR = 2
const LOOK_AGAIN_MS = 20

export interface FixtureChoices {
  /** Hears what happens, instead of a person who would see it. */
  readonly observe?: (event: JournalEvent) => void
  /** Called when the state directory is there and before anything starts. */
  readonly prepare?: (state: StateDir) => void
}

interface Hooks {
  ending: (ending: Ending) => void
}

interface Parts {
  readonly app: App
  readonly state: StateDir
  readonly lock: Lock
  readonly supervisor: Supervisor
  readonly view: StartView | undefined
  readonly hooks: Hooks
  readonly ended: Promise<RunResult>
}

/** A formation that lives as long as a piece of work that needs it. Its output goes to stderr. */
export class Fixture {
  readonly app: App
  readonly state: StateDir
  readonly #lock: Lock
  readonly #supervisor: Supervisor
  readonly #view: StartView | undefined
  readonly #hooks: Hooks
  #closed: Promise<RunResult> | undefined
  /** Resolves when the formation is over, whatever ended it. */
  readonly ended: Promise<RunResult>

  private constructor({ app, state, lock, supervisor, view: started, hooks, ended }: Parts) {
    this.app = app
    this.state = state
    this.#lock = lock
    this.#supervisor = supervisor
    this.#view = started
    this.#hooks = hooks
    this.ended = ended
  }

  /** Starts the formation. Errors: TwRunError, nothing runs then. */
  static async open(flags: Flags, choices: FixtureChoices = {}): Promise<Fixture> {
    const ground = await cleared(await takeGround(flags))
    const { app, state, lock } = ground
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
    started?.warn()
    const hooks: Hooks = { ending: () => {} }
    const journal = (event: JournalEvent): void => {
      if (event.type === 'ending') hooks.ending(event.ending)
      started?.show(event)
      choices.observe?.(event)
    }
    const surroundings = { ...ground.surroundings, shows: started !== undefined }
    const shown = { ...ground, surroundings }
    const supervisor = newSupervisor(shown, {
      journal,
      isDetached: false,
      isFixture: true,
      isColorTerminal: color && isOnTerminal,
    })
    const ended = serve(supervisor, ground)
    // Whoever closes it gets the error; until then nobody goes on with work for which nothing is there.
    ended.catch(() => supervisor.end({ kind: 'done' }))
    return new Fixture({ app, state, lock, supervisor, view: started, hooks, ended })
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
  onEnding(callback: (ending: Ending) => void): () => void {
    this.#hooks.ending = callback
    if (this.session.ending !== undefined) callback(this.session.ending)
    return () => (this.#hooks.ending = () => {})
  }

  /** What is not ready now. */
  missing(): Missing {
    return missingOf({ session: this.session, observed: this.observed() }, 'ready')
  }

  /** Resolves when everything is ready, something failed, or the formation is ending; what is missing then. */
  async ready(): Promise<Missing> {
    for (;;) {
      const found = this.missing()
      const isSettled = found.missing.length === 0 || found.failed.length > 0
      if (isSettled || this.session.ending !== undefined) return found
      await sleep(LOOK_AGAIN_MS)
    }
  }

  /** Stops what still runs, shows what is still to be shown, and says how it ended. */
  async close(reason: Reason, lastWord: (result: RunResult) => string): Promise<RunResult> {
    this.#closed ??= this.#close(reason, lastWord)
    return await this.#closed
  }

  /** Gives the state directory back: of one that is over, and has been looked at. */
  letGo(): void {
    this.#lock.release()
  }

  async #close(reason: Reason, lastWord: (result: RunResult) => string): Promise<RunResult> {
    if (this.session.ending === undefined) this.end(reason)
    const result = await this.ended
    await this.#view?.close(result.ending, lastWord(result))
    return result
  }
}

/** The ground without what a killed one of the kind has left there. Errors: TwRunError 1 if something else is there. */
async function cleared(ground: Ground): Promise<Ground> {
  const { state } = ground
  const { graceMs } = ground.app.settings
  const session = keptSession(state)
  if (session === undefined || !isUnfinished(session, here())) {
    // Its command may live on, though.
    await endLeft(state, graceMs)
    return ground
  }
  if (session.isFixture !== true) {
    throw new TwRunError('a formation runs here whose tw-run was killed', {
      exitCode: 1,
      hint: 'see it with `tw-run ps`, end it with `tw-run stop`',
    })
  }
  mention('tw-run: ending what a killed tw-run had left here\n')
  const left = { ...ground, isRevival: true }
  const last = newSupervisor(left, { journal: () => {}, isDetached: false, isColorTerminal: false })
  if (last.session.ending === undefined) last.end({ kind: 'done' })
  const { survivors } = await last.run()
  const leak = leakOf([...survivors, ...(await endLeftWork(state, graceMs))])
  if (leak !== undefined)
    throw new TwRunError(`of what a killed tw-run had left, ${leak.message}`, { exitCode: 1 })
  const slots = new Slots(state, here(), true)
  slots.load()
  return { ...ground, slots }
}
