import { copyFileSync, fstatSync, ftruncateSync, renameSync, rmSync } from 'node:fs'
import { say } from './terminal.ts'

const STDOUT = 1
/** The log of a supervisor is put aside when it is longer than this, bytes: some ten thousand lines. */
const LONGEST = 1024 * 1024

/**
 * Where a supervisor without a terminal says what it has to say: its stdout, a file opened for appending. The
 * longest stretch before the last is kept beside it as `.old`, so that a formation that has something to say for
 * months fills no disk. Only the holder of the lock may have one: it shortens the file under everybody.
 */
export class OwnLog {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Says something, if there is room for it: what runs is worth more than what is said of it. */
  note(text: string): void {
    try {
      this.#bound()
      say(STDOUT, `${new Date().toISOString()} ${text}\n`)
    } catch {
      // Its disk is full, and there is nowhere else to say so.
    }
  }

  /** A copy, and then none of it: whoever opened the file goes on with it. */
  #bound(): void {
    const out = fstatSync(STDOUT)
    if (!out.isFile() || out.size <= LONGEST) return
    const next = `${this.#path}.old.next`
    try {
      copyFileSync(this.#path, next)
      renameSync(next, `${this.#path}.old`)
    } catch {
      // No room for two of them: the older words give way.
      rmSync(next, { force: true })
    }
    ftruncateSync(STDOUT)
  }
}
