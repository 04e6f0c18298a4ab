import { realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { printable } from '../core/printable.ts'
import type { Flags } from '../core/settings.ts'
import { environmentFiles, type EnvironmentFile } from './env-files.ts'
import { reasonOf, systemCode } from './system-error.ts'

/** Where the app is. These options come from flags and shell only: `.env` is found through them. */
export interface AppPlace {
  /** The real path of the app's folder. */
  readonly root: string
  /** Where names that were typed begin: the root if one was named, else the current folder. */
  readonly folder: string
  readonly envFiles: readonly EnvironmentFile[]
}

/**
 * Finds the app: `-d`, else the folder of the Procfile that `-f` names, as foreman has it, else the current one.
 * Throws a TwRunError of exit code 2 if there is no such folder.
 */
export function locate(flags: Flags, shell: NodeJS.ProcessEnv): AppPlace {
  const cwd = currentFolder()
  const named = flags.root ?? (shell['TW_RUN_ROOT'] || undefined)
  const procfile = flags.procfile ?? shell['TW_RUN_PROCFILE'] ?? ''
  const root = realFolder(named === undefined ? folderOf(resolve(cwd, procfile), cwd) : resolve(cwd, named))
  const folder = named === undefined ? cwd : root
  return { root, folder, envFiles: environmentFiles(namedFiles(flags, shell), folder, root) }
}

function currentFolder(): string {
  try {
    return process.cwd()
  } catch (error) {
    throw new TwRunError(`the current folder cannot be used: ${reasonOf(error)}`, {
      exitCode: 2,
      hint: 'it may have been removed: change to another one',
    })
  }
}

/** The environment files that are named, as they are. */
export function namedFiles({ env }: Flags, shell: NodeJS.ProcessEnv): readonly string[] {
  const typed = env ?? [shell['TW_RUN_ENV'] ?? '']
  return typed.flatMap((part) => part.split(',')).filter((name) => name !== '')
}

/** The folder of a regular file; a Procfile from a pipe, such as /dev/stdin, says nothing about the root. */
export function folderOf(procfile: string, cwd: string): string {
  return statSync(procfile, { throwIfNoEntry: false })?.isFile() === true ? dirname(procfile) : cwd
}

function realFolder(path: string): string {
  const hint = 'name the folder of the app with -d <folder>'
  try {
    const root = realpathSync(path)
    if (statSync(root).isDirectory()) return root
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'there is no such folder' : reasonOf(error)
    throw new TwRunError(`cannot use ${printable(path)} as the root: ${reason}`, { exitCode: 2, hint })
  }
  throw new TwRunError(`${printable(path)} is not a folder`, { exitCode: 2, hint })
}
