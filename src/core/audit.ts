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

/** Who is one of more than this is not told. */
const MOST_GUESSED = 3

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
  /** It may have been another one of those that are named. */
  readonly isGuess?: boolean
}

/** A finding about one file, with what it takes to tell it together with others. */
export interface FileFinding extends Finding {
  readonly file: FileChange & { readonly writers: readonly Writer[] }
}

/** What changed on disk and stayed: a finding for each file. */
export function fileFindings(
  changes: readonly FileChange[],
  writersOf: (change: FileChange) => readonly Writer[],
): FileFinding[] {
  return changes
    .filter(({ path }) => !isDisposable(path))
    .map((change) => {
      const { path, how } = change
      const writers = writersOf(change)
      const rule = ASSET_FOLDER.test(`/${path}`) && ASSET_NAME.test(path) ? 'assets' : 'files'
      const survives = how === 'removed' ? '' : ' and survives'
      const evidence = `${path} was ${how}${describeWriters(writers)}${survives}`
      return { rule, subject: path, evidence, file: { ...change, writers } }
    })
}

/** Folders of what compilers and tools keep to be faster, or to look at, and do without where they cannot. */
const DISPOSABLE =
  /(?:^|\/)(?:__pycache__|\.cache|\.npm\/_logs|\.(?:pytest|mypy|ruff)_cache|node_modules\/\.vite(?:st)?|tmp\/cache\/bootsnap)\//

/** Whether nobody would miss a file: it is made again wherever it is not. */
export function isDisposable(path: string): boolean {
  return DISPOSABLE.test(path)
}

/** Each thing once, however often it was seen, and what a thing found brings along not at all. */
export function distinct<T extends Finding>(findings: readonly T[]): T[] {
  const known = new Map<string, T>()
  for (const one of findings) {
    const key = `${one.rule} ${one.subject}`
    if (!known.has(key)) known.set(key, one)
  }
  return [...known.values()].filter(({ rule, subject }) => {
    // A segment of memory is a file only in name.
    if (rule === 'files' && known.has(`shared-memory ${subject}`)) return false
    // What SQLite keeps beside a database.
    const database = /^(.+)-(?:journal|wal|shm)$/.exec(subject)?.[1]
    return database === undefined || !known.has(`shared-file ${database}`)
  })
}

/** Many files of one folder told as one finding; everything else as it is. */
export function grouped(findings: readonly (Finding | FileFinding)[]): Finding[] {
  const folders = new Map<string, FileFinding[]>()
  for (const finding of findings) {
    if (!('file' in finding)) continue
    const key = folderKey(finding)
    folders.set(key, [...(folders.get(key) ?? []), finding])
  }
  const told = new Set<string>()
  return findings.flatMap((finding) => {
    const { rule, subject, evidence } = finding
    const key = 'file' in finding ? folderKey(finding) : undefined
    const others = key === undefined ? [] : (folders.get(key) ?? [])
    if (key === undefined || others.length <= MOST_OF_A_FOLDER) return [{ rule, subject, evidence }]
    if (told.has(key)) return []
    told.add(key)
    return [folderFinding(others)]
  })
}

function folderKey({ rule, file: { path } }: FileFinding): string {
  return `${rule} ${folderOf(path)}`
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : './'
}

function folderFinding(files: readonly FileFinding[]): Finding {
  const [first] = files
  const { path = '', how = 'written' } = first?.file ?? {}
  const by = describeWriters(files.flatMap(({ file }) => file.writers))
  const survive = how === 'removed' ? '' : ' and survive'
  const folder = folderOf(path)
  const evidence = `${files.length} files in ${folder} were ${how}${by}${survive}, such as ${path}`
  return { rule: first?.rule ?? 'files', subject: folder, evidence }
}

/** Those that are sure; else those of whom it was one, as long as that says something. */
function describeWriters(writers: readonly Writer[]): string {
  const sure = writers.filter(({ isGuess }) => isGuess !== true)
  const named = sure.length > 0 ? sure : writers
  const ids = [...new Set(named.map(({ id }) => id))].toSorted()
  if (ids.length === 0 || (sure.length === 0 && ids.length > MOST_GUESSED))
    return ' (by whom was not seen: it may have been the tests)'
  const doing = named.find((one) => one.doing !== undefined)?.doing
  const who = sure.length > 0 ? list(ids) : ids.join(' or ')
  return ` by ${who}${doing === undefined ? '' : `, ${doing},`}`
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
