import { lstatSync, readdirSync } from 'node:fs'
import type { Dirent } from 'node:fs'
import { join, relative } from 'node:path'
import type { FileChange } from '../core/audit.ts'

/** Folders in which nothing of the app lives: those of version control. */
const NOT_OF_THE_APP = new Set(['.git', '.hg', '.svn'])
/** More files than this are not looked at: then it is said. */
const MOST_FILES = 200_000

/** The files below a folder as they are now, by their path from it: size, time and inode, so that a change shows. */
export interface Snapshot {
  readonly root: string
  readonly files: ReadonlyMap<string, string>
  /** There were more files than are looked at. */
  readonly isCut: boolean
}

/** Looks at every file below `root`, but not into `except` (absolute paths). Errors: none; what cannot be read is left out. */
export function snapshot(root: string, except: ReadonlySet<string>): Snapshot {
  const files = new Map<string, string>()
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (files.size >= MOST_FILES) break
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry.name)
      if (!entry.isDirectory()) files.set(relative(root, path), stampOf(path))
      else if (!NOT_OF_THE_APP.has(entry.name) && !except.has(path)) folders.push(path)
    }
  }
  return { root, files, isCut: folders.length > 0 }
}

/** What is other in the second one. */
export function changesBetween(before: Snapshot, after: Snapshot): FileChange[] {
  const changes: FileChange[] = []
  for (const [path, stamp] of after.files) {
    const earlier = before.files.get(path)
    if (earlier === stamp) continue
    const at = Number(stamp.split(' ')[1])
    changes.push({ path, how: earlier === undefined ? 'written' : 'changed', at })
  }
  for (const path of before.files.keys()) if (!after.files.has(path)) changes.push({ path, how: 'removed' })
  return changes
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    // Gone in this moment, or not ours to see.
    return []
  }
}

function stampOf(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.size} ${stat.mtimeMs} ${stat.ino}`
}
