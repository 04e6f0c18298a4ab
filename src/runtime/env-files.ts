import { join, resolve } from 'node:path'
import { parse } from 'dotenv'
import { InputError, isError, type Diagnostic } from '../core/diagnostic.ts'
import type { EnvironmentLayer, EnvironmentLayers } from '../core/environment.ts'
import { checkEnvironmentFile } from '../core/environment-file.ts'
import { TwRunError } from '../core/error.ts'
import { printable } from '../core/printable.ts'
import { readTextFile } from './text-file.ts'

/** An environment file to be read at every start of a process. */
export interface EnvironmentFile {
  readonly path: string
  /** The file as the user named it. */
  readonly name: string
  /** Whether its absence is an error: it was named. */
  readonly required: boolean
}

/** The files that `-e` or TW_RUN_ENV name, resolved in `folder`, weakest first; else `.env` of the root. */
export function environmentFiles(named: readonly string[], folder: string, root: string): EnvironmentFile[] {
  if (named.length === 0) return [{ path: join(root, '.env'), name: '.env', required: false }]
  return named.map((name) => ({ path: resolve(folder, name), name, required: true }))
}

/**
 * Reads the environment from outside, now: the files, weakest first, and the shell. Throws a TwRunError of exit
 * code 2, an InputError if a file has bad lines; no message holds a value.
 */
export function loadLayers(files: readonly EnvironmentFile[], shell: NodeJS.ProcessEnv): EnvironmentLayers {
  const { layers, diagnostics } = readLayers(files, shell)
  if (diagnostics.some(isError)) throw new InputError(diagnostics, [])
  return layers
}

/** The same, with what is wrong or doubtful in all files returned beside what they say. */
export function readLayers(
  files: readonly EnvironmentFile[],
  shell: NodeJS.ProcessEnv,
): { layers: EnvironmentLayers; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = []
  const read: EnvironmentLayer[] = []
  for (const file of files) {
    const text = readTextFile(file.path, file.name)
    if (text === undefined) {
      if (file.required) throw missing(file)
      continue
    }
    diagnostics.push(...checkEnvironmentFile(text, file.name))
    read.push({ name: file.name, entries: parse(text) })
  }
  const own = Object.entries(shell).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { layers: { files: read, shell: { name: 'shell', entries: Object.fromEntries(own) } }, diagnostics }
}

function missing({ path, name }: EnvironmentFile): TwRunError {
  return new TwRunError(`no environment file ${printable(name)} (looked for ${printable(path)})`, {
    exitCode: 2,
    hint: 'create it, or name another one with -e <file>',
  })
}
