import {
  closeSync,
  fchmodSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { printable } from '../core/printable.ts'
import { MADE_BY } from '../exporters/input.ts'
import type { ExportedFile } from '../exporters/input.ts'
import { makeFolder } from './disk.ts'
import { reasonOf } from './system-error.ts'

/** What becomes of a file: nothing was there, it is ours, it has the same text, or somebody else wrote it. */
export type Fate = 'create' | 'overwrite' | 'keep' | 'refuse'

export interface PlannedFile {
  readonly path: string
  readonly fate: Fate
  readonly file: ExportedFile
}

/** In so many characters one of our files says that it is ours. */
const HEAD = 1024

/** What writing these files would do; looks only. Errors: TwRunError of exit code 1. */
export function planFiles(folder: string, files: readonly ExportedFile[]): PlannedFile[] {
  return files.map((file) => {
    const path = join(folder, file.path)
    return { path, file, fate: attempt(path, () => fateOf(path, file)) }
  })
}

function fateOf(path: string, { text, mode }: ExportedFile): Fate {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return 'create'
  const there = readFileSync(path, 'utf8')
  if (there === text && (stat.mode & 0o777) === mode) return 'keep'
  return there.slice(0, HEAD).includes(MADE_BY) ? 'overwrite' : 'refuse'
}

/**
 * What an earlier export of the same app in the same format made in the folder, and these files are not: names of files, and of
 * service directories as a whole. Looks only, and not at what nobody lets it read.
 */
export function leftovers(folder: string, files: readonly ExportedFile[]): string[] {
  const mark = MARK.exec(files[0]?.text ?? '')?.[0]
  if (mark === undefined) return []
  const wanted = new Set(files.map(({ path }) => path.split('/')[0]))
  return readable(() => readdirSync(folder, { withFileTypes: true }), [])
    .filter((entry) => !wanted.has(entry.name))
    .filter((entry) => headOf(join(folder, entry.name, entry.isDirectory() ? SERVICE : '')).includes(mark))
    .map(({ name }) => name)
    .toSorted()
}

/** The name is that on the engine, which may differ from the app's. */
const MARK = new RegExp(`${MADE_BY} \\S+ for \\S+;`)
/** Every service directory has this file. */
const SERVICE = 'run'

function headOf(path: string): string {
  return readable(() => {
    if (!lstatSync(path).isFile()) return ''
    const fd = openSync(path, 'r')
    try {
      const head = Buffer.alloc(HEAD)
      return head.toString('utf8', 0, readSync(fd, head))
    } finally {
      closeSync(fd)
    }
  }, '')
}

function readable<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch {
    return otherwise
  }
}

/** Writes what is not as it should be, each file as a whole. Errors: TwRunError of exit code 1. */
export function writeFiles(planned: readonly PlannedFile[]): void {
  for (const { path, file, fate } of planned) {
    if (fate !== 'keep') attempt(path, () => replace(path, file))
  }
}

/** A reader sees the old file or the new one, and no secret before its permissions. */
function replace(path: string, { text, mode }: ExportedFile): void {
  const folder = dirname(path)
  makeFolder(folder)
  const next = join(folder, `.${basename(path)}.tw-run`)
  rmSync(next, { force: true })
  const fd = openSync(next, 'wx', mode & 0o700)
  try {
    writeFileSync(fd, text)
    // What the umask took away.
    fchmodSync(fd, mode)
  } finally {
    closeSync(fd)
  }
  renameSync(next, path)
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new TwRunError(`cannot write ${printable(path)}: ${reasonOf(error)}`, { exitCode: 1 })
  }
}
