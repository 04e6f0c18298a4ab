import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import type { Dirent } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import type { FileChange } from '../core/audit.ts'

/** Folders in which nothing of the app lives: those of version control. */
const NOT_OF_THE_APP = new Set(['.git', '.hg', '.svn'])
/** More files than this are not looked at: then it is said. */
const MOST_FILES = 200_000
/** The same for all folders together to which links lead: anything may be there. */
const MOST_LINKED = 10_000
/** What a package manager links to is nothing that the app keeps. */
const OF_PACKAGES = /(?:^|\/)node_modules(?:\/|$)/
/** Where the kernel shows itself. */
const OF_THE_KERNEL = ['/proc', '/sys', '/dev']

/** The files below a folder as they are now, by their path from it: size, time and inode, so that a change shows. */
export interface Snapshot {
  readonly root: string
  readonly files: ReadonlyMap<string, string>
  /** The folders that were looked into, and the links that were seen there, by their path from the root. */
  readonly folders: ReadonlySet<string>
  readonly links: readonly string[]
  /** There were more files than are looked at. */
  readonly isCut: boolean
}

/** Snapshots of an app and of the folders outside to which its links lead, each by the path of the link; '' for its own. */
export type AppSnapshot = ReadonlyMap<string, Snapshot>

export interface Bounds {
  /** What is not looked into, absolute paths. */
  readonly except: readonly string[]
  /** A folder around one of these, or around the app, is not of the app, whatever leads there. */
  readonly apart: readonly string[]
}

/** Looks at every file of an app. Errors: none; what cannot be read is left out. */
export function snapshotOf(root: string, { except, apart }: Bounds): AppSnapshot {
  const found = new Map([['', snapshot(root, new Set(except), MOST_FILES)]])
  const seen = [root]
  let left = MOST_LINKED
  // What is put into a map while one goes through it gets its turn, too.
  for (const [at, { root: from, links }] of found) {
    // In any order, the same folder would have another name each time.
    for (const link of links.toSorted()) {
      const name = join(at, link)
      const real = OF_PACKAGES.test(name) ? undefined : folderBehind(join(from, link))
      if (real === undefined || [...OF_THE_KERNEL, ...seen].some((one) => isWithin(real, one))) continue
      if ([root, ...apart].some((one) => isWithin(one, real))) continue
      const linked = snapshot(real, new Set([...except, ...seen]), left)
      left -= linked.files.size
      seen.push(real)
      // All of it or nothing: what was not seen there may be named by the path outside.
      found.set(name, linked.isCut ? { ...linked, files: new Map(), folders: new Set(), links: [] } : linked)
    }
  }
  return found
}

function snapshot(root: string, except: ReadonlySet<string>, most: number): Snapshot {
  const files = new Map<string, string>()
  const folders = new Set<string>()
  const links: string[] = []
  const next = [root]
  let isCut = false
  for (let folder = next.pop(); folder !== undefined; folder = next.pop()) {
    const entries = entriesOf(folder)
    isCut = files.size + entries.length > most
    if (isCut) break
    folders.add(relative(root, folder))
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.isSymbolicLink()) links.push(relative(root, path))
      if (!entry.isDirectory()) files.set(relative(root, path), stampOf(path))
      else if (!NOT_OF_THE_APP.has(entry.name) && !except.has(path)) next.push(path)
    }
  }
  return { root, files, folders, links, isCut }
}

/** What is other in the second one. */
export function changesBetween(before: AppSnapshot, after: AppSnapshot): FileChange[] {
  return [...before].flatMap(([link, earlier]) => {
    const later = after.get(link)
    // A link that leads somewhere else by now is a change of its own.
    if (later?.root !== earlier.root) return []
    return changesIn(earlier, later).map((change) => ({ ...change, path: join(link, change.path) }))
  })
}

function changesIn(before: Snapshot, after: Snapshot): FileChange[] {
  const changes: FileChange[] = []
  for (const [path, stamp] of after.files) {
    const earlier = before.files.get(path)
    if (earlier === stamp || (earlier === undefined && isUnknownIn(before, path))) continue
    const at = Number(stamp.split(' ')[1])
    changes.push({ path, how: earlier === undefined ? 'written' : 'changed', at })
  }
  for (const path of before.files.keys())
    if (!after.files.has(path) && !isUnknownIn(after, path)) changes.push({ path, how: 'removed' })
  return changes
}

/** Its folder was not looked into, for there were too many files. */
function isUnknownIn({ folders, isCut }: Snapshot, path: string): boolean {
  if (!isCut) return false
  const folder = dirname(path)
  return !folders.has(folder === '.' ? '' : folder)
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep)
}

/** The folder to which a link leads in the end; undefined if that is none. */
function folderBehind(link: string): string | undefined {
  try {
    return statSync(link).isDirectory() ? realpathSync(link) : undefined
  } catch {
    // It leads nowhere.
    return undefined
  }
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
