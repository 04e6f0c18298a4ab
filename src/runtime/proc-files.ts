import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The names in a folder of /proc; none if its process has ended, or is another user's. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Gone in this moment, or not ours to see.
    return []
  }
}

/** Where a descriptor leads; '' if it was closed between the listing and now. */
export function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // Closed meanwhile.
    return ''
  }
}

/** The text of a file of /proc; '' if its process has ended, or the kernel has no such table, such as tcp6. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not there.
    return ''
  }
}
