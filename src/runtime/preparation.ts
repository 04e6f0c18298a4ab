import type { Place } from '../core/session.ts'
import { crashPoint } from './crash-points.ts'
import type { Host } from './host.ts'
import { launcherFifo, shareLauncher } from './launcher.ts'
import { makeScratch, specOf } from './new-run.ts'
import * as directory from './run-directory.ts'
import type { Slots } from './slots.ts'
import type { SpareFifos } from './spare-fifos.ts'
import type { Refusal, Spawner, Start } from './spawner.ts'
import type { StateDir } from './state-dir.ts'

export interface PreparationOptions {
  readonly state: StateDir
  readonly slots: Slots
  readonly host: Host
  readonly place: Place
  readonly cwd: string
}

/** Writes down runs that are to be, until they are meant to be; one for which that fails has ended. */
export class Preparation {
  readonly #at: PreparationOptions
  readonly #spawner: Spawner
  readonly #spares: SpareFifos

  constructor(options: PreparationOptions, spawner: Spawner, spares: SpareFifos) {
    this.#at = options
    this.#spawner = spawner
    this.#spares = spares
  }

  /** Makes their directories, of which those of a batch share the FIFO of a launcher; if it cannot, so they end. */
  arePrepared(starts: readonly Start[], isBatch = false): boolean {
    const refused = this.#spawner.attempt(() => this.#prepare(starts, isBatch))
    if (refused !== undefined) for (const start of starts) this.refuse(start, refused)
    return refused === undefined
  }

  #prepare(starts: readonly Start[], isBatch: boolean): void {
    const lives = starts.flatMap(({ run, ready }) => {
      const life = `${directory.prepareRun(this.#at.state, specOf(run, this.#at))}/life`
      ready?.giveLife(life)
      return ready === undefined ? [life] : []
    })
    crashPoint('start:directory-made')
    const shared = isBatch ? starts.map((start) => directory.newPath(start.directory)) : []
    this.#spares.provide([...lives, ...shared.slice(0, 1).map(launcherFifo)])
    shareLauncher(shared)
    crashPoint('start:prepared')
  }

  /** Gives it its name; if it cannot, so it ends. */
  isNamed(start: Start): boolean {
    const refused = this.#spawner.attempt(() => this.#name(start))
    if (refused !== undefined) this.refuse(start, refused)
    return refused === undefined
  }

  /** From here on the run is meant to be. */
  #name({ run }: Start): void {
    directory.publishRun(this.#at.state, run)
    crashPoint('start:named')
    makeScratch(run.scratch)
    crashPoint('start:scratch-made')
  }

  /** It never ran: recorded as an end, so that trying again is paced like any restart. */
  refuse({ run, ready }: Start, { message, again }: Refusal): void {
    void ready?.close()
    // Of what is refused again and again the newest alone is kept, which the next supervisor finds.
    this.#at.host.discard(directory.newPath(directory.runPath(this.#at.state, run.id, run.number - 1)))
    this.#at.slots.add({ ...run, life: 'dead' })
    this.#at.host.finish(run, { kind: 'unstarted', message, again }, false)
  }
}
