import { closeSync, mkdirSync } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { ChildProcess } from 'node:child_process'
import type { OwnInjection, RunEnvironment } from '../core/environment.ts'
import type { ProcessPlan } from '../core/expand.ts'
import type { Run, Want } from '../core/process.ts'
import type { Place } from '../core/session.ts'
import { bootNow } from './clock.ts'
import { commandLines } from './command-lines.ts'
import type { CommandLines } from './command-lines.ts'
import { crashPoint } from './crash-points.ts'
import type { Host, HostContext } from './host.ts'
import { canLaunch, inBatches, launcherFifo, shareLauncher, spawnLauncher } from './launcher.ts'
import type { Batch } from './launcher.ts'
import { isHeld, openForReading, openLifeline, watchLifeline } from './lifeline.ts'
import type { Lifeline } from './lifeline.ts'
import { newRun, specOf } from './new-run.ts'
import { randomHex } from './random.ts'
import * as directory from './run-directory.ts'
import { SpareFifos } from './spare-fifos.ts'
import { Spawner } from './spawner.ts'
import { StandBy } from './stand-by.ts'
import type { Refusal, SpawnerOptions, Start } from './spawner.ts'

/** How long starts wait for their launchers, ms, before the next look at everything else. */
const LAUNCHED_WITHIN_MS = 2_000
/** Forks between two turns of the event loop: each blocks it for a millisecond or more. */
const STARTS_A_TURN = 16
/** How often it is looked whether a launcher has come to the next run, ms: it begins about one a millisecond. */
const BEGUN_EVERY_MS = 10

/** The environment of one run, read anew for each start. */
export type EnvironmentOf = (run: OwnInjection) => RunEnvironment

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
  readonly #spares: SpareFifos
  readonly #standBy: StandBy
  /** Launchers under way. */
  readonly #launching = new Set<Promise<void>>()

  constructor(options: StarterOptions) {
    this.#at = options
    this.#spawner = new Spawner(options)
    this.#spares = new SpareFifos(options.state.spares)
    this.#standBy = new StandBy({ ...options, spares: this.#spares })
  }

  /** Starts what is wanted; what could not start is recorded as an end of that run alone. */
  async start(wants: readonly Want[]): Promise<void> {
    const read = this.#environment()
    const starts = this.#startsOf(wants, 'refused' in read ? () => NO_ENVIRONMENT : read.environmentOf)
    if ('refused' in read) {
      if (this.#arePrepared(starts)) for (const start of starts) this.#refuse(start, read.refused)
      return
    }
    const { batches, alone } = this.#parted(starts)
    // The launcher of one works while the next one is prepared.
    const launched = batches.map((batch) => this.#launchBatch(batch))
    const started: Run[] = []
    for (const { named, launcher } of launched)
      if (launcher !== undefined) started.push(...this.#follow(named, launcher))
    for (const { named, launcher } of launched)
      if (launcher === undefined) started.push(...(await this.#spawnEach(named)))
    if (alone.length > 0 && this.#arePrepared(alone))
      started.push(...(await this.#spawnEach(alone, (start) => this.#isNamed(start))))
    if (this.#launching.size > 0) {
      this.#at.journal({ type: 'starting', runs: started })
      await this.#launchersDone()
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
    const starts = wants.map((want) => this.#startOf(this.#plan(want), environmentOf, lineOf))
    const [want, another] = wants
    const [start] = starts
    if (want === undefined || start === undefined || another !== undefined) return starts
    const ready = this.#at.socketOf(start.run) === undefined ? this.#standBy.take(start) : undefined
    if (ready === undefined) return starts
    return [{ ...this.#startOf(this.#plan(want, ready.token), environmentOf, lineOf), ready }]
  }

  /** What launchers start, and what is started alone: a few, or one that gets a socket with it. */
  #parted(starts: readonly Start[]): { batches: Batch<Start>[]; alone: readonly Start[] } {
    const plain = starts.filter(({ run }) => this.#at.socketOf(run) === undefined)
    if (!canLaunch(plain.length)) return { batches: [], alone: starts }
    const { batches, alone } = inBatches(plain)
    return { batches, alone: [...starts.filter((start) => !plain.includes(start)), ...alone] }
  }

  #plan(
    { plan: { id, command, port }, generation, policy, isProbed = false }: Want,
    token = randomHex(8),
  ): Run {
    const { slots, session } = this.#at
    const number = slots.nextNumber(id)
    return newRun({ id, command, port, isProbed, policy, generation, session, token, number })
  }

  /** Until every launcher has done its work, or it takes too long to wait for. */
  async #launchersDone(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    // Not a timer with a signal: that takes Node 2 ms to load.
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, LAUNCHED_WITHIN_MS)))
    await Promise.race([Promise.all(this.#launching), late])
    clearTimeout(timer)
  }

  #startOf(run: Run, environmentOf: EnvironmentOf, lineOf: CommandLines): Start {
    const { token, command, id, number } = run
    const path = directory.runPath(this.#at.state, id, number)
    const env = environmentOf(run)
    return { run, token, commandLine: lineOf(command, env.shared), directory: path, env }
  }

  /** Makes their directories, of which those of a batch share the FIFO of a launcher; if it cannot, so they end. */
  #arePrepared(starts: readonly Start[], batch?: Batch<Start>): boolean {
    const refused = this.#spawner.attempt(() => this.#prepare(starts, batch))
    if (refused !== undefined) for (const start of starts) this.#refuse(start, refused)
    return refused === undefined
  }

  #prepare(starts: readonly Start[], batch: Batch<Start> | undefined): void {
    const lives = starts.flatMap(({ run, ready }) => {
      const life = `${directory.prepareRun(this.#at.state, specOf(run, this.#at))}/life`
      ready?.giveLife(life)
      return ready === undefined ? [life] : []
    })
    crashPoint('start:directory-made')
    const shared = batch === undefined ? [] : starts.map((start) => directory.newPath(start.directory))
    this.#spares.provide([...lives, ...shared.slice(0, 1).map(launcherFifo)])
    shareLauncher(shared)
    crashPoint('start:prepared')
  }

  #environment(): { environmentOf: EnvironmentOf } | { refused: Refusal } {
    try {
      return { environmentOf: this.#at.readEnvironment() }
    } catch (error) {
      return { refused: { message: (error as Error).message, again: true } }
    }
  }

  /** Gives it its name; if it cannot, so it ends. */
  #isNamed(start: Start): boolean {
    const refused = this.#spawner.attempt(() => this.#name(start))
    if (refused !== undefined) this.#refuse(start, refused)
    return refused === undefined
  }

  /** From here on the run is meant to be. */
  #name({ run }: Start): void {
    directory.publishRun(this.#at.state, run)
    crashPoint('start:named')
    mkdirSync(run.scratch, { mode: 0o700 })
    crashPoint('start:scratch-made')
  }

  /**
   * Has the runs of a batch started by a launcher; those that have their names, and the read end of the launcher's FIFO.
   * Where there can be no launcher, each is to be started alone, and whatever is wrong is found there.
   */
  #launchBatch(batch: Batch<Start>): { named: readonly Start[]; launcher?: number } {
    const all = batch.lines.map(({ launch }) => launch)
    if (!this.#arePrepared(all, batch)) return { named: [] }
    const lines = batch.lines.filter(({ launch }) => this.#isNamed(launch))
    const named = lines.map(({ launch }) => launch)
    let lifeline: Lifeline | undefined
    let child: ChildProcess | undefined
    const refused = this.#spawner.attempt(() => {
      lifeline = openLifeline(launcherFifo(all[0]?.directory ?? ''))
      this.#spawner.requireRoom(lifeline.write + named.length)
      crashPoint('start:lifeline-opened')
      child = spawnLauncher({ ...batch, lines }, this.#at.cwd, lifeline.write)
      crashPoint('start:spawned')
    })
    if (lifeline !== undefined) closeSync(lifeline.write)
    if (lifeline !== undefined && refused === undefined && child?.pid !== undefined)
      return { named, launcher: lifeline.read }
    // Its error is told by an event that nobody else waits for.
    child?.once('error', () => {})
    if (lifeline !== undefined) closeSync(lifeline.read)
    return { named }
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
      else this.#refuse(start, refused)
      if (index % STARTS_A_TURN === STARTS_A_TURN - 1) await nextTurn()
    }
    return started
  }

  /** What its launcher was to start is judged when that is gone: until then a lifeline that nobody holds says nothing. */
  #follow(starts: readonly Start[], launcher: number): Run[] {
    for (const { run } of starts) this.#at.slots.add(run)
    const gone = new Promise<void>((resolve) => watchLifeline(launcher, resolve))
    // Now that it is at work: where the kernel makes room for more descriptors it waits for 10 ms, at 64, 128, 256 ...
    const reads = starts.map(({ directory: path }) => openIfAny(`${path}/life`))
    const launched = this.#watchAsTheyBegin(starts, reads, gone)
      .then(async (rest) => this.#spawnEach(rest))
      .then(() => void this.#launching.delete(launched))
    this.#launching.add(launched)
    crashPoint('start:closed')
    return starts.map(({ run }) => run)
  }

  /** Follows each from when it is there: of 200, at the end, that would take 15 ms. Those that their launcher could not start. */
  async #watchAsTheyBegin(
    starts: readonly Start[],
    reads: readonly (number | undefined)[],
    gone: Promise<void>,
  ): Promise<Start[]> {
    const until = bootNow() + LAUNCHED_WITHIN_MS
    let isGone = false
    void gone.then(() => (isGone = true))
    const unsure = new Map<Start, number | undefined>()
    for (const [index, start] of starts.entries()) {
      const read = reads[index]
      const isThere = (): boolean => !isGone && read !== undefined && isHeld(read)
      const isToCome = (): boolean =>
        !isGone && directory.readPid(start.directory) === undefined && bootNow() < until
      while (!isThere() && isToCome()) await Promise.race([gone, sleep(BEGUN_EVERY_MS)])
      if (read !== undefined && isThere()) this.#at.slots.watch(start.run, read)
      else unsure.set(start, read)
    }
    await gone
    return [...unsure].flatMap(([start, read]) => (this.#isLaunched(start, read) ? [] : [start]))
  }

  /** Whether its launcher has started it. One that could not, for want of processes, is told why when it is tried alone. */
  #isLaunched({ run, directory: path }: Start, read: number | undefined): boolean {
    const { slots } = this.#at
    // Whether it was is not known, and it is looked for by its token.
    if (read === undefined) {
      slots.watchShim(run)
      return true
    }
    if (isHeld(read) || directory.readPid(path) !== undefined || slots.run(run.id)?.stop !== undefined) {
      slots.watch(run, read)
      return true
    }
    closeSync(read)
    return false
  }

  /** It never ran: recorded as an end, so that trying again is paced like any restart. */
  #refuse({ run, ready }: Start, { message, again }: Refusal): void {
    void ready?.close()
    this.#at.slots.add({ ...run, life: 'dead' })
    this.#at.host.finish(run, { kind: 'unstarted', message, again }, false)
  }
}

/** The read end of a lifeline; undefined where the system has no descriptor more, or somebody removed it. */
function openIfAny(path: string): number | undefined {
  try {
    return openForReading(path)
  } catch {
    return undefined
  }
}

/** Whether a run is still what its process is planned to be. */
export function sameProcess(run: Run, plan: ProcessPlan): boolean {
  return run.command === plan.command && run.port === plan.port
}
