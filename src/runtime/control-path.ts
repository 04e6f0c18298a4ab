import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { shortHash } from '../core/short-hash.ts'
import { makeFolder } from './disk.ts'
import { reasonOf } from './system-error.ts'
import { tempFolder } from './usual-places.ts'

/** Longer paths of sockets are cut by the kernel in silence: 104 bytes on macOS, 108 on Linux, with the end mark. */
const LONGEST_PATH = 103

/**
 * Where the supervisor of a state directory listens: a short path in a folder of the user's own, since the
 * state directory's own path may be of any length.
 */
export function controlPath(stateDir: string): string {
  return join(controlFolder(), `${shortHash(stateDir)}.sock`)
}

/** Makes the folder of the socket, and refuses one that is not the user's alone. Errors: TwRunError 1. */
export function makeControlFolder(): void {
  const folder = controlFolder()
  try {
    makeFolder(folder, 0o700)
  } catch (error) {
    throw new TwRunError(`cannot make ${folder}, where commands find what runs: ${reasonOf(error)}`, {
      exitCode: 1,
      hint: 'TMPDIR has to be a folder that you may write to',
    })
  }
  const stat = lstatSync(folder)
  if (!stat.isDirectory() || stat.uid !== (process.getuid?.() ?? stat.uid) || (stat.mode & 0o077) !== 0) {
    throw new TwRunError(`${folder} is not a folder of yours alone`, { exitCode: 1, hint: 'remove it' })
  }
}

function controlFolder(): string {
  const name = `tw-run-${process.getuid?.() ?? 0}`
  const folder = join(tempFolder(), name)
  // A hash, a slash and `.sock` come behind it.
  return folder.length + 22 <= LONGEST_PATH ? folder : join('/tmp', name)
}
