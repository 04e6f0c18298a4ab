import type { Finding } from './finding.ts'
import type { ProcessId } from './names.ts'

/** What was seen of the files, memory and ports of running processes, gathered over many looks. */
export interface Seen {
  /** Who had a file open for writing, by its path. */
  readonly writers: ReadonlyMap<string, ReadonlySet<ProcessId>>
  /** Who had writable shared memory mapped, by what it is a mapping of. */
  readonly mappers: ReadonlyMap<string, ReadonlySet<ProcessId>>
  /** Who listened on a port. */
  readonly listeners: ReadonlyMap<number, ReadonlySet<ProcessId>>
}

/** How a file of the app came to be another one. */
export interface FileChange {
  /** From the root of the app, or absolute where it is outside. */
  readonly path: string
  readonly how: 'written' | 'changed' | 'removed'
}

/** The usual folders of compiled assets, and what such files are called. */
const ASSET_FOLDER =
  /(?:^|\/)(?:assets|static|staticfiles|public\/(?:assets|packs|build|dist)|dist|build|_next|\.next|CACHE|webpack)\//i
const ASSET_NAME = /\.(?:css|m?js|map|woff2?|wasm|scss|less)(?:\.(?:gz|br))?$/i

/** What two processes share. */
export function sharedFindings({ writers, mappers, listeners }: Seen): Finding[] {
  const files = shared(writers).map(([path, ids]): Finding => {
    const rule = path.startsWith('/dev/shm/') ? 'shared-memory' : 'shared-file'
    return { rule, subject: path, evidence: `${path} was open for writing in ${list(ids)}` }
  })
  const known = new Set(files.map(({ subject }) => subject))
  const memory = shared(mappers)
    .filter(([what]) => !known.has(what))
    .map(([what, ids]): Finding => {
      return { rule: 'shared-memory', subject: what, evidence: `${what} was writable memory of ${list(ids)}` }
    })
  const ports = shared(listeners).map(([port, ids]): Finding => {
    return {
      rule: 'shared-port',
      subject: String(port),
      evidence: `port ${port} was listened on by ${list(ids)}`,
    }
  })
  return [...files, ...memory, ...ports]
}

/** What changed on disk and stayed; `writerOf` says who is known to have written a file. */
export function fileFindings(
  changes: readonly FileChange[],
  writerOf: (path: string) => readonly ProcessId[],
): Finding[] {
  return changes.map(({ path, how }) => {
    const writers = writerOf(path)
    const by =
      writers.length === 0 ? ' (by whom was not seen: it may have been the tests)' : ` by ${list(writers)}`
    const isAsset = ASSET_FOLDER.test(`/${path}`) && ASSET_NAME.test(path)
    const what = how === 'removed' ? `was removed${by}` : `was ${how}${by} and survives`
    return { rule: isAsset ? 'assets' : 'files', subject: path, evidence: `${path} ${what}` }
  })
}

function shared<T>(map: ReadonlyMap<T, ReadonlySet<ProcessId>>): [T, readonly ProcessId[]][] {
  return [...map].filter(([, ids]) => ids.size > 1).map(([what, ids]) => [what, [...ids].toSorted()])
}

/** The first of many names are enough. */
function list(ids: readonly string[]): string {
  if (ids.length === 1) return ids[0] ?? ''
  const shown = ids.slice(0, 4)
  const rest = ids.length - shown.length
  return rest > 0
    ? `${shown.join(', ')} and ${rest} more`
    : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
}
