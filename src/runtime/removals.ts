import { removeTree } from './remove-tree.ts'

/**
 * So much later, ms: a disk takes 1 ms for an empty folder, and the thread that waits for it is mostly woken in the
 * place of what was just started.
 */
const LATER_MS = 100

/** Removes files and folders in the background, which nobody but the end of the run waits for. */
export class Removals {
  readonly #failed: (path: string, error: Error) => void
  readonly #underWay = new Set<Promise<void>>()
  #waiting: string[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(failed: (path: string, error: Error) => void) {
    this.#failed = failed
  }

  add(path: string): void {
    this.#waiting.push(path)
    this.#timer ??= setTimeout(() => this.#begin(), LATER_MS).unref()
  }

  /** Resolves when nothing is left to remove. */
  async done(): Promise<void> {
    this.#begin()
    while (this.#underWay.size > 0) {
      await Promise.all(this.#underWay)
      this.#begin()
    }
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const paths = this.#waiting
    this.#waiting = []
    for (const path of paths) {
      const removal = removeTree(path).catch((error: Error) => this.#failed(path, error))
      this.#underWay.add(removal)
      void removal.finally(() => this.#underWay.delete(removal))
    }
  }
}
