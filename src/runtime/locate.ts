import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
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
  return place(flags, shell, currentFolder(), realFolder)
}

/**
 * The same for who asks for what runs, which may have outlived the folder of its app: one that is not there any more
 * is where it was. Whether there ever was one is not known here.
 */
export function locateFormer(flags: Flags, shell: NodeJS.ProcessEnv): AppPlace {
  const isNeeded = !isAbsolute(namedRoot(flags, shell) ?? '')
  return place(flags, shell, isNeeded ? formerCurrentFolder(shell) : '/', formerFolder)
}

/** Throws a TwRunError of exit code 2 if there is no such folder. */
export function requireFolder(root: string): void {
  realFolder(root)
}

function place(
  flags: Flags,
  shell: NodeJS.ProcessEnv,
  cwd: string,
  real: (path: string) => string,
): AppPlace {
  const named = namedRoot(flags, shell)
  const procfile = flags.procfile ?? shell['TW_RUN_PROCFILE'] ?? ''
  const root = real(named === undefined ? folderOf(resolve(cwd, procfile), cwd) : resolve(cwd, named))
  const folder = named === undefined ? cwd : root
  return { root, folder, envFiles: environmentFiles(namedFiles(flags, shell), folder, root) }
}

function namedRoot(flags: Flags, shell: NodeJS.ProcessEnv): string | undefined {
  return flags.root ?? (shell['TW_RUN_ROOT'] || undefined)
}

function currentFolder(): string {
  try {
    return process.cwd()
  } catch (error) {
    throw new TwRunError(`the current folder cannot be used: ${reasonOf(error)}`, {
      exitCode: 2,
      hint: 'it may have been removed: change to another one, or name the one where the app was: tw-run stop -d <path>',
    })
  }
}

/** The current folder, or where it was as the shell has it: if that is there, it is some other one. */
function formerCurrentFolder({ PWD: pwd = '' }: NodeJS.ProcessEnv): string {
  try {
    return process.cwd()
  } catch {
    return isAbsolute(pwd) && !existsSync(pwd) ? pwd : currentFolder()
  }
}

/** The environment files that are named, as they are. */
export function namedFiles({ env }: Flags, shell: NodeJS.ProcessEnv): readonly string[] {
  const typed = env ?? [shell['TW_RUN_ENV'] ?? '']
  return typed
    .flatMap((part) => part.split(',').map((name) => name.trimStart()))
    .filter((name) => name !== '')
}

/** The folder of a regular file; a Procfile from a pipe, such as /dev/stdin, says nothing about the root. */
export function folderOf(procfile: string, cwd: string): string {
  return statSync(procfile, { throwIfNoEntry: false })?.isFile() === true ? dirname(procfile) : cwd
}

/** The real path that a folder has, or had. */
function formerFolder(path: string): string {
  if (!leadsNowhere(path)) return realFolder(path)
  const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
  if (link) return formerFolder(resolve(realpathSync(dirname(path)), readlinkSync(path)))
  return dirname(path) === path ? path : join(formerFolder(dirname(path)), basename(path))
}

/** Not what only cannot be looked at. */
function leadsNowhere(path: string): boolean {
  try {
    realpathSync(path)
    return false
  } catch (error) {
    return systemCode(error) === 'ENOENT'
  }
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
