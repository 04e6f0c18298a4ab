import { resolve } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { printable } from '../core/printable.ts'
import { wordSh } from '../core/quote-sh.ts'
import type { Flags } from '../core/settings.ts'
import { folderOf } from '../runtime/locate.ts'

/** Those that know a Procfile by its name, and those that find what was started by its folder. */
const COMMAND = /\btw-run (?:(?:start|run)|(ps|scale|restart|stop|logs|reload))\b/g

/** A text with the commands that it names as they are to be typed for the app that these options name. */
export function forSameApp(text: string, { root, procfile, stateDir }: Flags): string {
  const folder = procfile === undefined || process.env['TW_RUN_ROOT'] ? '.' : folderOf(procfile, '.')
  const read = option('-d', root) + option('-f', procfile) + option('--state-dir', stateDir)
  const found =
    root !== undefined || folder === '.'
      ? option('-d', root) + option('--state-dir', stateDir)
      : // A relative one would be looked for in the folder that is named now.
        option('-d', folder) + option('--state-dir', stateDir && resolve(stateDir))
  return text.replaceAll(COMMAND, (command, finds?: string) => command + (finds === undefined ? read : found))
}

/** An error whose hint can be typed as it stands. */
export function ofSameApp(error: unknown, flags: Flags): unknown {
  if (!(error instanceof TwRunError) || error.hint === undefined) return error
  const { message, exitCode, hint } = error
  return new TwRunError(message, { exitCode, hint: forSameApp(hint, flags) })
}

function option(name: string, value: string | undefined): string {
  if (value === undefined) return ''
  return ` ${name} ${wordSh(printable(value))}`
}
