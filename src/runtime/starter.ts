import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EnvironmentOf, OwnInjection, RunEnvironment } from '../core/environment.ts'
import type { Run, Want } from '../core/process.ts'
import type { Place } from '../core/session.ts'
import { commandLines } from './command-lines.ts'
import type { CommandLines } from './command-lines.ts'
import { crashPoint } from './crash-points.ts'
import type { Host, HostContext } from './host.ts'
import { canLaunch, inBatches } from './launcher.ts'
import type { Batch } from './launcher.ts'
import { Launching } from './launching.ts'
import { newRun } from './new-run.ts'
import { Preparation } from './preparation.ts'
import { randomHex } from './random.ts'
import * as directory from './run-directory.ts'
import { SpareFifos } from './spare-fifos.ts'
import { Spawner } from './spawner.ts'
import { StandBy } from './stand-by.ts'
import type { Refusal, SpawnerOptions, Start } from './spawner.ts'

/** Forks between two turns of the event loop: each blocks it for a millisecond or more. */
const STARTS_A_TURN = 16

/** What is the run's own does not matter to the shim that waits for it. */
const NOBODY: OwnInjection = { id: '', token: '', port: 0, scratch: '' }
const NO_ENVIRONMENT: RunEnvironment = { shared: {}, own: {} }

export interface StarterOptions extends HostContext, SpawnerOptions {
  readonly host: Host
  readonly place: Place
  readonly session: string
  /** Called once for each batch of starts; it may throw what is wrong with the user's files. */
  readonly readEnvironment: () => EnvironmentOf
}

/** Starts runs. From the rename of its directory on, a run is meant to be; from the fork on, it is. */
export class Starter {
  readonly #at: StarterOptions
  readonly #spawner: Spawner
  readonly #standBy: StandBy
  readonly #preparation: Preparation
  readonly #launching: Launching

  constructor(options: StarterOptions) {
    this.#at = options
    this.#spawner = new Spawner(options)
    const spares = new SpareFifos(options.state.spares)
    this.#standBy = new StandBy({ ...options, spares })
    this.#preparation = new Preparation(options, this.#spawner, spares)
    this.#launching = new Launching({
      slots: options.slots,
      cwd: options.cwd,
      spawner: this.#spawner,
      preparation: this.#preparation,
      spawnEach: async (starts) => this.#spawnEach(starts),
    })
  }

  /** Starts what is wanted; what could not start is recorded as an end of that run alone. */
  async start(wants: readonly Want[]): Promise<void> {
    const read = this.#environment()
    const starts = this.#startsOf(wants, 'refused' in read ? () => NO_ENVIRONMENT : read.environmentOf)
    if ('refused' in read) {
      if (this.#preparation.arePrepared(starts))
        for (const start of starts) this.#preparation.refuse(start, read.refused)
      return
    }
    const { batches, alone } = this.#parted(starts)
    // The launcher of one works while the next one is prepared.
    const launched = batches.map((batch) => this.#launching.launch(batch))
    const started: Run[] = []
    for (const { named, launcher } of launched)
      if (launcher !== undefined) started.push(...this.#launching.follow(named, launcher))
    for (const { named, launcher } of launched)
      if (launcher === undefined) started.push(...(await this.#spawnEach(named)))
    if (alone.length > 0 && this.#preparation.arePrepared(alone))
      started.push(...(await this.#spawnEach(alone, (start) => this.#preparation.isNamed(start))))
    if (this.#launching.isUnderWay) {
      this.#at.journal({ type: 'starting', runs: started })
      await this.#launching.done()
    }
    crashPoint('start:all')
    if (started.length > 0)
      this.#at.journal({ type: 'started', runs: started.flatMap((run) => this.#at.slots.run(run.id) ?? []) })
    for (const run of started) this.#at.host.prune(run)
    this.#standBy.renew(() => (starts[0]?.env ?? NO_ENVIRONMENT).shared)
  }

  /** Sees to it that one that is started soon does not wait for a shim. */
  standBy(): void {
    this.#standBy.renew(() => this.#at.readEnvironment()(NOBODY).shared)
  }

  /** Nothing is started any more; resolves when what was kept ready for it is gone. */
  async close(): Promise<void> {
    await this.#standBy.close()
  }

  /** One that is started alone is begun by the shim that waits, if it can be. */
  #startsOf(wants: readonly Want[], environmentOf: EnvironmentOf): Start[] {
    const lineOf = commandLines(this.#at.cwd)
    const starts = wants.map((want) => this.#startOf(this.#runOf(want), environmentOf, lineOf))
    const [want, another] = wants
    const [start] = starts
    if (want === undefined || start === undefined || another !== undefined) return starts
    const ready = this.#at.socketOf(start.run) === undefined ? this.#standBy.take(start) : undefined
    if (ready === undefined) return starts
    return [{ ...this.#startOf(this.#runOf(want, ready.token), environmentOf, lineOf), ready }]
  }

  /** What launchers start, and what is started alone: a few, or one that gets a socket with it. */
  #parted(starts: readonly Start[]): { batches: Batch<Start>[]; alone: readonly Start[] } {
    const plain = starts.filter(({ run }) => this.#at.socketOf(run) === undefined)
    if (!canLaunch(plain.length)) return { batches: [], alone: starts }
    const { batches, alone } = inBatches(plain)
    return { batches, alone: [...starts.filter((start) => !plain.includes(start)), ...alone] }
  }

  #runOf(
    { plan: { id, command, port }, generation, policy, isProbed = false }: Want,
    token = randomHex(8),
  ): Run {
    const { slots, session } = this.#at
    const number = slots.nextNumber(id)
    return newRun({ id, command, port, isProbed, policy, generation, session, token, number })
  }

  #startOf(run: Run, environmentOf: EnvironmentOf, lineOf: CommandLines): Start {
    const { token, command, id, number } = run
    const path = directory.runPath(this.#at.state, id, number)
    const env = environmentOf(run)
    return { run, token, commandLine: lineOf(command, env.shared), directory: path, env }
  }

  #environment(): { environmentOf: EnvironmentOf } | { refused: Refusal } {
    try {
      return { environmentOf: this.#at.readEnvironment() }
    } catch (error) {
      return { refused: { message: (error as Error).message, again: true } }
    }
  }

  /** Those that were started, one at a time; `isNamed`: has the name, or gets it now. */
  async #spawnEach(
    starts: readonly Start[],
    isNamed: (start: Start) => boolean = () => true,
  ): Promise<Run[]> {
    const started: Run[] = []
    for (const [index, start] of starts.entries()) {
      if (!isNamed(start)) continue
      const refused = await this.#spawner.spawn(start)
      if (refused === undefined) started.push(start.run)
      else this.#preparation.refuse(start, refused)
      if (index % STARTS_A_TURN === STARTS_A_TURN - 1) await nextTurn()
    }
    return started
  }
}
