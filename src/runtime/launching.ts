import { closeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChildProcess } from 'node:child_process'
import type { Run } from '../core/process.ts'
import { bootNow } from './clock.ts'
import { crashPoint } from './crash-points.ts'
import { launcherFifo, spawnLauncher } from './launcher.ts'
import type { Batch } from './launcher.ts'
import { isHeld, openForReading, openLifeline, watchLifeline } from './lifeline.ts'
import type { Lifeline } from './lifeline.ts'
import type { Preparation } from './preparation.ts'
import * as directory from './run-directory.ts'
import type { Slots } from './slots.ts'
import type { Spawner, Start } from './spawner.ts'

/** How long starts wait for their launchers, ms, before the next look at everything else. */
const LAUNCHED_WITHIN_MS = 2_000
/** How often it is looked whether a launcher has come to the next run, ms: it begins about one a millisecond. */
const BEGUN_EVERY_MS = 10

export interface LaunchingOptions {
  readonly slots: Slots
  readonly cwd: string
  readonly spawner: Spawner
  readonly preparation: Preparation
  /** Starts those that their launcher could not start. */
  readonly spawnEach: (starts: readonly Start[]) => Promise<unknown>
}

/** Starts runs by launchers, and follows them from when they begin. */
export class Launching {
  readonly #at: LaunchingOptions
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: LaunchingOptions) {
    this.#at = options
  }

  get isUnderWay(): boolean {
    return this.#underWay.size > 0
  }

  /** Until every launcher has done its work, or it takes too long to wait for. */
  async done(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    // Not a timer with a signal: that takes Node 2 ms to load.
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, LAUNCHED_WITHIN_MS)))
    await Promise.race([Promise.all(this.#underWay), late])
    clearTimeout(timer)
  }

  /**
   * Has the runs of a batch started by a launcher; those that have their names, and the read end of the launcher's FIFO.
   * Where there can be no launcher, each is to be started alone, and whatever is wrong is found there.
   */
  launch(batch: Batch<Start>): { named: readonly Start[]; launcher?: number } {
    const all = batch.lines.map(({ launch }) => launch)
    if (!this.#at.preparation.arePrepared(all, true)) return { named: [] }
    const lines = batch.lines.filter(({ launch }) => this.#at.preparation.isNamed(launch))
    const named = lines.map(({ launch }) => launch)
    let lifeline: Lifeline | undefined
    let child: ChildProcess | undefined
    const refused = this.#at.spawner.attempt(() => {
      lifeline = openLifeline(launcherFifo(all[0]?.directory ?? ''))
      this.#at.spawner.requireRoom(lifeline.write, named.length)
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

  /** What its launcher was to start is judged when that is gone: until then a lifeline that nobody holds says nothing. */
  follow(starts: readonly Start[], launcher: number): Run[] {
    for (const { run } of starts) this.#at.slots.add(run)
    const gone = new Promise<void>((resolve) => watchLifeline(launcher, resolve))
    // Now that it is at work: where the kernel makes room for more descriptors it waits for 10 ms, at 64, 128, 256 ...
    const reads = starts.map(({ directory: path }) => openIfAny(`${path}/life`))
    const launched = this.#watchAsTheyBegin(starts, reads, gone)
      .then(async (rest) => this.#at.spawnEach(rest))
      .then(() => void this.#underWay.delete(launched))
    this.#underWay.add(launched)
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
}

/** The read end of a lifeline; undefined where the system has no descriptor more, or somebody removed it. */
function openIfAny(path: string): number | undefined {
  try {
    return openForReading(path)
  } catch {
    return undefined
  }
}
