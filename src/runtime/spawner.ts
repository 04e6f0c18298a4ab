import type { ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import { wholeOf } from '../core/environment.ts'
import type { Run } from '../core/process.ts'
import { crashPoint } from './crash-points.ts'
import { canShow, nextDescriptor } from './descriptors.ts'
import type { Launch } from './launcher.ts'
import { openLifeline } from './lifeline.ts'
import type { ReadyShim } from './ready-shim.ts'
import { openLog } from './run-log.ts'
import { explainRefusal, spawnShim } from './shim.ts'
import type { Slots } from './slots.ts'

/** A run that is to be, and what its shim is given. */
export interface Start extends Launch {
  readonly run: Run
  /** A shim that waits for it, and has its lifeline in the run's directory. */
  readonly ready?: ReadyShim
}

/** Why a run could not be started, and whether the same may work a moment later. */
export interface Refusal {
  readonly message: string
  readonly again: boolean
}

/** Why a child has no pid. Node tells it by an event a turn later. */
async function errorOf(child: ChildProcess | undefined): Promise<unknown> {
  if (child === undefined) return new Error('it was not spawned')
  return new Promise((resolve) => child.once('error', resolve))
}

export interface SpawnerOptions {
  readonly slots: Slots
  readonly cwd: string
  /** As of `planDescriptors`. */
  readonly ceiling: number
  /** As in `Surroundings`. */
  readonly shows?: boolean
  /** A socket that is held for a run, if there is one. */
  readonly socketOf: (run: Run) => number | undefined
}

/** Starts shims that are children of ours, one at a time. */
export class Spawner {
  readonly #at: SpawnerOptions
  /** Descriptors that were there before, and are no run's. */
  readonly #others: number

  constructor(options: SpawnerOptions) {
    this.#at = options
    this.#others = nextDescriptor() - this.#alive()
  }

  /** The reason if it could not be started. Its directory has its name. */
  async spawn(start: Start): Promise<Refusal | undefined> {
    const { ready, run } = start
    if (ready === undefined) return this.#fork(start)
    // Its lifeline has been there all along, and its log has not.
    const refused = this.#at.shows && this.attempt(() => this.requireRoom(nextDescriptor()))
    if (refused) return refused
    const read = ready.begin(start)
    crashPoint('ready:told')
    this.#adopt(run, ready.child, read)
    return undefined
  }

  async #fork({ run, directory: path, commandLine, env }: Start): Promise<Refusal | undefined> {
    const open: number[] = []
    let child: ChildProcess | undefined
    const socket = this.#at.socketOf(run)
    const refused = this.attempt(() => {
      const life = openLifeline(`${path}/life`)
      open.push(life.read, life.write)
      this.requireRoom(life.write)
      const log = openLog(path)
      open.push(log)
      crashPoint('start:lifeline-opened')
      child = spawnShim({
        token: run.token,
        directory: path,
        commandLine,
        cwd: this.#at.cwd,
        env: wholeOf(env),
        lifeline: life.write,
        log,
        ...(socket === undefined ? {} : { socket }),
      })
      crashPoint('start:spawned')
    })
    const [read, ...others] = open
    for (const fd of others) closeSync(fd)
    if (refused === undefined && child?.pid !== undefined && read !== undefined) {
      this.#adopt(run, child, read)
      crashPoint('start:closed')
      return undefined
    }
    if (read !== undefined) closeSync(read)
    return refused ?? explainRefusal(await errorOf(child), this.#at.cwd)
  }

  /**
   * Numbers are given lowest first: a high one means that nearly all are in use. `count` runs are to be started. Errors:
   * EMFILE.
   */
  requireRoom(descriptor: number, count = 1): void {
    const { ceiling, shows = false } = this.#at
    const isFull = descriptor + count > ceiling
    // Logs are opened later. Each run alive has one of those below, so mostly nobody has to be counted.
    const mayBeFull = shows && (descriptor + count) * 3 > ceiling
    if (isFull || (mayBeFull && !canShow(this.#alive() + count, this.#others, ceiling)))
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE' })
  }

  #alive(): number {
    return this.#at.slots.runs().filter(({ life }) => life === 'alive').length
  }

  /** Does something that a start takes; the reason if that failed. */
  attempt(work: () => void): Refusal | undefined {
    try {
      work()
      return undefined
    } catch (error) {
      return explainRefusal(error, this.#at.cwd)
    }
  }

  #adopt(run: Run, child: ChildProcess, read: number): void {
    const { slots } = this.#at
    slots.add(run)
    slots.expectExit(run)
    child.once('exit', (status) => slots.heardExit(run, status))
    slots.watch(run, read)
  }
}
