import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'

export interface Executable {
  readonly file: string
  readonly args: readonly string[]
}

/** As much of a file as Linux looks at for the interpreter's name. */
const HEAD_BYTES = 256

/** Whether the system can execute it, as far as its files say: it is there, it may be, and so is its interpreter. */
export function isRunnable({ file }: Executable, cwd: string, path: string | undefined): boolean {
  const found = find(file, cwd, path)
  if (found === undefined) return false
  const interpreter = interpreterIn(headOf(found) ?? '')
  return interpreter === undefined || isExecutable(resolve(cwd, interpreter))
}

/** Whether the system executes it by itself: what is neither binary nor begins with `#!` a shell would have to read. */
export function isProgram(file: string, cwd: string, path: string | undefined): boolean {
  const found = find(file, cwd, path)
  if (found === undefined) return false
  const head = headOf(found)
  if (head === undefined || head.includes('\0')) return true
  const interpreter = interpreterIn(head)
  return interpreter !== undefined && isExecutable(resolve(cwd, interpreter))
}

function find(file: string, cwd: string, path: string | undefined): string | undefined {
  // What a shell would take for an option, or look for elsewhere.
  if (file === '' || file.startsWith('-') || (path === undefined && !file.includes('/'))) return undefined
  const folders = file.includes('/') ? [''] : (path ?? '').split(delimiter)
  for (const folder of folders) {
    const place = resolve(cwd, folder, file)
    if (isExecutable(place)) return place
  }
  return undefined
}

function isExecutable(path: string): boolean {
  // Most folders of PATH do not have it, and to be told by an error takes ten times as long.
  if (!existsSync(path)) return false
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    // It is not there, or not for us.
    return false
  }
}

/** What `#!` names, if anything. */
function interpreterIn(head: string): string | undefined {
  return /^#![ \t]*([^ \t\n\0]+)/.exec(head)?.[1]
}

/** How a file begins, each byte a character; undefined where it is not ours to read, and then it is no script. */
function headOf(path: string): string | undefined {
  const head = Buffer.alloc(HEAD_BYTES)
  try {
    const fd = openSync(path, 'r')
    try {
      return head.toString('latin1', 0, readSync(fd, head, 0, HEAD_BYTES, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}
