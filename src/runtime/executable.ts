import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'

export interface Executable {
  readonly file: string
  readonly args: readonly string[]
}

/** As much of a file as Linux looks at for the interpreter's name. */
const HEAD_BYTES = 256

/** Whether the system can execute it, as far as its files say: it is there, it may be, and so is its interpreter. */
export function isRunnable({ file }: Executable, cwd: string, path: string | undefined): boolean {
  // What a shell would take for an option, or look for elsewhere.
  if (file === '' || file.startsWith('-') || (path === undefined && !file.includes('/'))) return false
  const folders = file.includes('/') ? [''] : (path ?? '').split(delimiter).map((folder) => folder || '.')
  const found = folders.map((folder) => resolve(cwd, folder, file)).find(isExecutable)
  if (found === undefined) return false
  const interpreter = interpreterOf(found)
  return interpreter === undefined || isExecutable(resolve(cwd, interpreter))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    // It is not there, or not for us.
    return false
  }
}

/** What `#!` names; undefined where it is none, or not ours to read. */
function interpreterOf(path: string): string | undefined {
  const head = Buffer.alloc(HEAD_BYTES)
  try {
    const fd = openSync(path, 'r')
    try {
      readSync(fd, head, 0, HEAD_BYTES, 0)
    } finally {
      closeSync(fd)
    }
  } catch {
    // What may be executed need not be readable; then it is no script.
    return undefined
  }
  return /^#![ \t]*([^ \t\n\0]+)/.exec(head.toString('latin1'))?.[1]
}
