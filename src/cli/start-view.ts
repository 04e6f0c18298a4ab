import { diagnosticLine } from '../core/diagnostic.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { ProcessId } from '../core/names.ts'
import type { Run } from '../core/process.ts'
import type { Ending } from '../core/session.ts'
import { bootNow } from '../runtime/clock.ts'
import { crashPoint } from '../runtime/crash-points.ts'
import { Follower } from '../runtime/follower.ts'
import { untilShown } from '../runtime/last-words.ts'
import type { App } from '../runtime/load.ts'
import { endTornLine } from '../runtime/output.ts'
import { childOf } from '../runtime/process-table.ts'
import { makeRender } from '../runtime/render.ts'
import { mention } from '../runtime/terminal.ts'
import { describeAddress, describeEvent, describeRuns } from './journal-text.ts'
import { Pids } from './pids.ts'

export interface ViewOptions {
  readonly app: App
  /** The descriptor that a person or a program reads. */
  readonly fd: number
  readonly color: boolean
  readonly directoryOf: (run: Pick<Run, 'id' | 'number'>) => string
  readonly readerGone: () => void
}

/** What a person sees of a run of the formation: the lines of its processes and tw-run's own between them. */
export class StartView {
  readonly #options: ViewOptions
  readonly #follower: Follower
  /** What was told before has been said. */
  #said: Promise<void> = Promise.resolve()
  #isFirst = true
  /** The tokens of the first runs, which are followed before they are announced. */
  readonly #first = new Set<string>()
  readonly #pids: Pids

  private constructor(options: ViewOptions, follower: Follower) {
    this.#options = options
    this.#follower = follower
    this.#pids = new Pids(options.directoryOf)
  }

  static async open(options: ViewOptions): Promise<StartView> {
    const { app, fd, color, readerGone } = options
    const { logFormat: format, timestamps, prefix } = app.settings
    const types = app.types.map(({ name }) => name)
    const width = Math.max('system'.length, ...app.plan.map(({ id }) => id.length))
    const paint = color ? (await import('../runtime/paint.ts')).makePaint(types) : undefined
    const follower = new Follower({
      fd,
      render: makeRender({ format, timestamps, prefix, width: () => width, paint }),
      readerGone,
      // What cannot be said in the output itself, which may go to the same full disk.
      trouble: (message) => mention(`tw-run: ${message}\n`),
      onStep: (step) => crashPoint(`shown:${step}`),
    })
    return new StartView(options, follower)
  }

  /** Follows the runs of an interrupted session from where they were last shown. */
  carryOn(runs: readonly Pick<Run, 'id' | 'number'>[]): void {
    // The killed one may have been cut off within a line, in the file that we write to too.
    endTornLine(this.#options.fd)
    for (const run of runs) this.#follower.follow(run.id, this.#options.directoryOf(run))
  }

  /** The older of these runs are over; what was not shown of them comes first. */
  runEnded(id: ProcessId): void {
    this.#follower.runEnded(id, undefined)
  }

  /** What is doubtful in the app's files. */
  warn(): void {
    for (const warning of this.#options.app.warnings)
      this.show({ type: 'trouble', message: diagnosticLine(warning) })
  }

  /** In the order in which things happened, though what runs is said only when its pids are known. */
  show(event: JournalEvent): void {
    if (event.type === 'wrote') {
      this.#follower.grew(event.run.id)
      return
    }
    const text = describeEvent(event, this.#options.app.settings.graceMs, bootNow(), childOf)
    if (event.type === 'starting' || event.type === 'started') this.#followFirst(event.runs)
    if (event.type === 'starting') {
      this.#pids.seek(event.runs)
      return
    }
    const isFollowed = this.#isFirst
    if (event.type === 'started') this.#isFirst = false
    this.#said = this.#said.then(async () => {
      if (event.type === 'started') {
        await this.#announce(event.runs)
        if (!isFollowed) this.#follow(event.runs)
      } else if (event.type === 'ended') this.#follower.runEnded(event.run.id, text)
      else if (text !== undefined) this.#follower.say(text)
      if (event.type === 'carried-on' || event.type === 'started') this.#follower.release()
    })
  }

  /** Opened while their launcher is at work and the first pids are waited for: nothing is shown of them before. */
  #followFirst(runs: readonly Run[]): void {
    if (!this.#isFirst) return
    this.#follow(runs.filter(({ token }) => !this.#first.has(token)))
    for (const { token } of runs) this.#first.add(token)
  }

  #follow(runs: readonly Run[]): void {
    for (const run of runs) this.#follower.follow(run.id, this.#options.directoryOf(run))
  }

  /** Resolves when everything has been shown, the last word after it; a signal ends tw-run instead. */
  async close({ hurried, reason }: Ending, lastWord: string): Promise<void> {
    await this.#said
    const signal = reason.kind === 'signal' ? reason.signal : 'SIGINT'
    await untilShown(this.#follower.close(lastWord), hurried ? (signal as NodeJS.Signals) : undefined)
  }

  /** Says what runs where, with the pids that the commands see as their own, before their first lines. */
  async #announce(runs: readonly Run[]): Promise<void> {
    const pids = await this.#pids.take(runs)
    this.#follower.say(describeRuns(runs, ({ token }) => pids.get(token)))
    const address = describeAddress(runs, this.#options.app.settings.router)
    if (address !== undefined) this.#follower.say(address)
  }
}
