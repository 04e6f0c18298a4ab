import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { failedWith } from './system-error.ts'

/** The text of a file, or undefined if there is none. */
export function readIfThere(path: string): string | undefined {
  // To look first takes 3 us, and an error with its stack 100.
  return isGone(path) ? undefined : readUnlessGone(path)
}

/** The same of a file that was seen there, and is not looked for first. */
export function readUnlessGone(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** The names in a folder; none if there is no such folder. */
export function readFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

/**
 * Replaces a file as a whole: a reader, also one after a `kill -9` in the middle, sees the old or the new
 * text. Not synced to the disk: after a power cut every process is dead, and so is what the file speaks of.
 */
export function replaceFile(path: string, text: string): void {
  const next = `${path}.next`
  const fd = openSync(next, 'w', 0o600)
  try {
    // All of it or an error: a full disk may take the first half.
    writeFileSync(fd, text)
  } finally {
    closeSync(fd)
  }
  renameSync(next, path)
}

/** Removes a file that may be there. rmSync() would bring what removes trees, which takes 0.6 ms. */
export function removeIfThere(path: string): void {
  // A file system that is read-only refuses before it looks.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return
  try {
    unlinkSync(path)
  } catch (error) {
    if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error
  }
}

/** Whether there is no such file; one that cannot be looked at may be there. */
export function isGone(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined
  } catch {
    // No permission is no news of the file.
    return false
  }
}

/**
 * Makes a folder and those above it that are missing; the first of them, or undefined if there was none. Node's own way
 * goes round for ever where a folder is there and none can be made in it, as in /proc. Errors: those of mkdir(2).
 */
export function makeFolder(path: string, mode = 0o777): string | undefined {
  const missing: string[] = []
  for (let at = path; !existsSync(at); at = dirname(at)) missing.unshift(at)
  for (const one of missing) {
    try {
      mkdirSync(one, { mode })
    } catch (error) {
      // Somebody else was as quick.
      if (!failedWith(error, 'EEXIST')) throw error
    }
  }
  // What is there instead is named by the error.
  if (!statSync(path).isDirectory()) mkdirSync(path)
  return missing[0]
}

/** Makes an empty file whose being there is the message. */
export function mark(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
}
