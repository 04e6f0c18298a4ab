import { readFolder } from './disk.ts'
import { beginLifelines, makeLifelines, MOST_TEXT } from './lifeline.ts'
import { takeSpare } from './spare-fifo.ts'

/** So many are kept ready: a helper that makes one takes 2 ms, which a restart would wait for. */
const KEPT = 16
/** When no more than these are left, new ones are made. */
const FEW = KEPT / 2

/** Paths for what a start of so many lacks of new FIFOs in a folder; none where an earlier run has left enough. */
export function sparesToMake(folder: string, count: number): string[] {
  return readFolder(folder).length > count + FEW ? [] : sparePaths(folder, count)
}

/**
 * Paths for so many FIFOs in a folder, and for those that are kept ready beside them; no more than one command line holds.
 * Always the same ones: who makes them and does not get the lock has made no more than its holder will use.
 */
export function sparePaths(folder: string, count: number): string[] {
  const most = Math.floor(MOST_TEXT / `${folder}/${count + KEPT} `.length)
  return Array.from({ length: Math.min(count + KEPT, most) }, (_, n) => `${folder}/${n}`)
}

/**
 * FIFOs that were made before they are needed, and take the name that they are needed under. Nobody has opened one
 * that is still here. Make one only while holding the lock of the state directory.
 */
export class SpareFifos {
  readonly #folder: string
  #names: string[]
  #isRefilling = false

  constructor(folder: string) {
    this.#folder = folder
    this.#names = readFolder(folder)
  }

  /** Makes a FIFO of each of these paths. Errors: as makeLifelines. */
  provide(paths: readonly string[]): void {
    const missing = paths.filter((path) => !takeSpare(this.#folder, this.#names, path))
    if (missing.length > 0) makeLifelines(missing)
  }

  /** Makes new ones in the background where there are few left: commands take some, too. */
  refill(): void {
    if (this.#isRefilling) return
    this.#lookAgain()
    if (this.#names.length > FEW) return
    this.#isRefilling = true
    const paths = sparePaths(this.#folder, 0)
    const done = (): void => {
      this.#isRefilling = false
      this.#lookAgain()
    }
    // Without spares each start makes its own.
    beginLifelines(paths).once('error', done).once('exit', done).unref()
  }

  /** Nobody would hear of an error here. */
  #lookAgain(): void {
    try {
      this.#names = readFolder(this.#folder)
    } catch {
      // Out of descriptors, as mostly where the helper could not be begun: those that are there are found next time.
    }
  }
}
