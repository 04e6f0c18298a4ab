import { TwRunError } from '../core/error.ts'
import type { Flags } from '../core/settings.ts'
import { namedFiles } from './locate.ts'
import { isOwnDescriptor } from './text-file.ts'

/**
 * For what runs on: its files are read again, also by the supervisor that comes after a kill, and no value of an
 * environment file is kept for that. Errors: TwRunError 2 for a file that can be read once only, such as `<(...)`.
 */
export function requireLastingFiles(flags: Flags, shell: NodeJS.ProcessEnv): void {
  const environment = namedFiles(flags, shell).find(isOwnDescriptor)
  if (environment !== undefined)
    throw new TwRunError(
      `${environment} can be read only once: environment files are read again at each start of a process`,
      {
        exitCode: 2,
        hint: 'write it to a file, or put its variables into the environment of tw-run start',
      },
    )
  const procfile = flags.procfile ?? shell['TW_RUN_PROCFILE'] ?? ''
  if (isOwnDescriptor(procfile))
    throw new TwRunError(
      `${procfile} can be read only once: the Procfile is read again by restart and reload`,
      { exitCode: 2, hint: 'write it to a file, and name that with -f <file>' },
    )
}
