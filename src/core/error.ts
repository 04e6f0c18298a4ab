/** 1: tw-run could not do it. 2: wrong usage or a wrong file. 3: a verdict went against the app. */
export type ErrorExitCode = 1 | 2 | 3

/** A wrong input that has no place in a file: an option, a type, a port. `hint` says what to type next. */
export interface Problem {
  readonly message: string
  readonly hint?: string
}

/** An error for the person at the terminal: the message says what happened, to what; the hint, what to type next. */
export class TwRunError extends Error {
  override readonly name: string = 'TwRunError'
  readonly exitCode: ErrorExitCode
  readonly hint?: string

  constructor(message: string, options: { exitCode: ErrorExitCode; hint?: string | undefined }) {
    super(message)
    this.exitCode = options.exitCode
    if (options.hint !== undefined) this.hint = options.hint
  }
}
