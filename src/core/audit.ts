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
  /** When it was last written, ms since 1970; undefined if it is gone. */
  readonly at?: number
}

/** More files of one folder than this are one finding. */
const MOST_OF_A_FOLDER = 3

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

/** What is known of who wrote a file: a process, and what it did then. */
export interface Writer {
  readonly id: ProcessId
  /** `answering POST /uploads`; undefined if it was seen with the file open. */
  readonly doing?: string
}

/** What changed on disk and stayed; many files of one folder are one finding. */
export function fileFindings(
  changes: readonly FileChange[],
  writersOf: (change: FileChange) => readonly Writer[],
): Finding[] {
  return [...grouped(changes)].flatMap(([folder, files]) => {
    if (files.length <= MOST_OF_A_FOLDER)
      return files.map((file) => fileFinding(file.path, [file], writersOf))
    return [fileFinding(`${folder}/`, files, writersOf)]
  })
}

function grouped(changes: readonly FileChange[]): Map<string, FileChange[]> {
  const folders = new Map<string, FileChange[]>()
  for (const change of changes) {
    const folder = change.path.includes('/') ? change.path.slice(0, change.path.lastIndexOf('/')) : '.'
    const files = folders.get(folder)
    if (files === undefined) folders.set(folder, [change])
    else files.push(change)
  }
  return folders
}

function fileFinding(
  subject: string,
  files: readonly FileChange[],
  writersOf: (change: FileChange) => readonly Writer[],
): Finding {
  const [first] = files
  const { how = 'written', path = subject } = first ?? {}
  const writers = files.flatMap(writersOf)
  const by = describeWriters(writers)
  const isAsset = files.some(({ path: one }) => ASSET_FOLDER.test(`/${one}`) && ASSET_NAME.test(one))
  const survives = how === 'removed' ? '' : ' and survives'
  const what =
    files.length === 1
      ? `${path} was ${how}${by}${survives}`
      : `${files.length} files in ${subject} were ${how}${by}${survives.replace('survives', 'survive')}, such as ${path}`
  return { rule: isAsset ? 'assets' : 'files', subject, evidence: what }
}

function describeWriters(writers: readonly Writer[]): string {
  if (writers.length === 0) return ' (by whom was not seen: it may have been the tests)'
  const doing = writers.find((one) => one.doing !== undefined)?.doing
  return ` by ${list([...new Set(writers.map(({ id }) => id))].toSorted())}${doing === undefined ? '' : `, ${doing},`}`
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
