import { TwRunError } from '../core/error.ts'
import { Interruption } from './interruption.ts'
import { mention } from './terminal.ts'

/** What a one-off process runs as on an engine. */
export interface OneOff {
  /** As its engine calls it: `service app_run-1a2b3c`. */
  readonly name: string
  readonly remove: () => Promise<unknown>
  /** What removes it by hand. */
  readonly command: string
}

/**
 * Creates and runs it, then removes it: some of it may be there however that failed. The exit code of the work; 128 + n
 * if we were sent a signal. Errors: that of the work. What could not be removed is told, with what to type.
 */
export async function runThenRemove(
  oneOff: OneOff,
  work: (interruption: Interruption) => Promise<number>,
): Promise<number> {
  const interruption = new Interruption()
  try {
    const done = await outcomeOf(work(interruption))
    const removed = await outcomeOf(oneOff.remove())
    // Ctrl-C ends the commands that we call, too: what they say of that is no news.
    if ('error' in done && interruption.code === undefined)
      throw 'error' in removed ? withRest(done.error, oneOff) : done.error
    if ('error' in removed) tellOfRest(removed.error, oneOff)
    return 'error' in done ? (interruption.code ?? 1) : done.value
  } finally {
    interruption.release()
  }
}

/** What it was for is done, and is not to be done again for that. */
function tellOfRest(error: unknown, { name, command }: OneOff): void {
  const why = error instanceof Error ? error.message : String(error)
  mention(`note: ${name} may still be there (${why}); remove it: ${command}\n`)
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown }

async function outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work }
  } catch (error) {
    return { error }
  }
}

/** The same error, which also says what may have been left. */
function withRest(error: unknown, { name, command }: OneOff): unknown {
  if (!(error instanceof TwRunError)) return error
  const { message, exitCode, hint } = error
  const first = hint === undefined ? '' : `${hint}; then `
  return new TwRunError(`${message}; ${name} may still be there`, {
    exitCode,
    hint: `${first}remove it: ${command}`,
  })
}
