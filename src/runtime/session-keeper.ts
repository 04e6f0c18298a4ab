import { TwRunError } from '../core/error.ts'
import type { Reply } from '../core/protocol.ts'
import type { Session } from '../core/session.ts'
import { removeIfThere, replaceFile } from './disk.ts'
import type { StateDir } from './state-dir.ts'

const HINT = 'make room on the disk of the state directory: tw-run ps --verbose says where it is'

/** The reply to a command that could not be written down: it did not happen. */
export const NOT_WRITTEN: Reply = {
  ok: false,
  exitCode: 1,
  message: 'nothing was changed: the state directory cannot be written to',
  hint: HINT,
}
/** Keeps the session on disk as it is in memory, as soon as there is room for it. */
export class SessionKeeper {
  readonly #state: StateDir
  readonly #persist: (write: () => void) => boolean
  #isBehind = false

  /** `persist` writes, says what is wrong and whether it could. */
  constructor(state: StateDir, persist: (write: () => void) => boolean) {
    this.#state = state
    this.#persist = persist
  }

  /** Writes the first one. Errors: TwRunError for a new one, since what nobody could carry on is not begun. */
  begin(session: Session, isCarriedOn: boolean): void {
    this.keep(session)
    if (this.#isBehind && !isCarriedOn)
      throw new TwRunError(`cannot write to the state directory ${this.#state.path}`, {
        exitCode: 1,
        hint: HINT,
      })
  }

  /** Writes a session that holds only if it could be written; whether it could. */
  offer(session: Session): boolean {
    const isWritten = this.#persist(() => replaceFile(this.#state.session, `${JSON.stringify(session)}\n`))
    if (isWritten) this.#isBehind = false
    return isWritten
  }

  /** Writes a session that holds in any case. */
  keep(session: Session): void {
    this.#isBehind = !this.offer(session)
    if (!this.#isBehind || !session.over) return
    // Nothing of it lives any more. It takes the room of the one before: in between there is none, which says the same.
    this.#persist(() => {
      for (const path of [`${this.#state.session}.next`, this.#state.session]) removeIfThere(path)
    })
    this.offer(session)
  }

  /** Writes what could not be written before. */
  catchUp(session: Session): void {
    if (this.#isBehind) this.keep(session)
  }

  /** What to say of a command that happens, though it is not written down. */
  warnings(): string[] {
    return this.#isBehind
      ? ['not written down yet, the disk is full: a tw-run killed now would forget it']
      : []
  }
}
