import { TwRunError } from '../core/error.ts'

/** A script may give an unset variable for the command. Errors: TwRunError 2. */
export function requireCommand([first = '']: readonly string[], hint: string): void {
  if (first.trim() !== '') return
  throw new TwRunError('no command was given: the first word is empty', { exitCode: 2, hint })
}
