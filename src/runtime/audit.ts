import { existsSync, realpathSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import { fileFindings, isDisposable, sharedFindings } from '../core/audit.ts'
import type { FileChange, FileFinding, Writer } from '../core/audit.ts'
import { answeringAt } from '../core/exchange.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Finding } from '../core/finding.ts'
import type { ProcessId } from '../core/names.ts'
import type { Run } from '../core/process.ts'
import { ListeningSockets } from './listening-sockets.ts'
import { openThings } from './open-files.ts'
import type { PortsOf } from './open-files.ts'
import { carriers } from './process-table.ts'
import { changesBetween, isWithin, snapshotOf } from './tree-snapshot.ts'
import type { AppSnapshot } from './tree-snapshot.ts'
import { tempFolder } from './usual-places.ts'

/** From one look to the next, ms. */
const LOOK_EVERY_MS = 200
/** Between two looks that a file which appears asks for, ms. */
const LOOK_SOONER_MS = 10
/** How many times as long as a look takes nobody looks again: of the app's time it shall not take much. */
const REST = 9
const SHORT_REST = 3

export interface AuditOptions {
  /** Of the app, a real path. */
  readonly root: string
  /** The state directory, which is ours to write to. */
  readonly state: string
  /** The runs that may live now. */
  readonly runs: () => readonly Run[]
}

/** Looks at what running processes do that processes which share nothing do not. Reads only. */
export class Audit {
  readonly #options: AuditOptions
  readonly #before: AppSnapshot
  #timer: NodeJS.Timeout | undefined
  readonly #watchers: readonly (FSWatcher | undefined)[]
  readonly #writers = new Map<string, Set<ProcessId>>()
  readonly #mappers = new Map<string, Set<ProcessId>>()
  readonly #listeners = new Map<number, Set<ProcessId>>()
  readonly #sockets = new ListeningSockets()
  #lookedAt = 0
  /** How long the last look took, ms: many processes take longer. */
  #tookMs = 0

  constructor(options: AuditOptions) {
    this.#options = options
    this.#before = this.#snapshot()
    this.#lookAgain()
    // Who has a new file open can only be seen while it is open; who listens goes on to.
    const lookSoon = (): void => {
      const restMs = Math.max(LOOK_SOONER_MS, this.#tookMs * SHORT_REST)
      if (performance.now() >= this.#lookedAt + restMs) this.#look(() => new Map())
    }
    this.#watchers = [...this.#before.values()].map(({ root, folders }) =>
      folders.size === 0 ? undefined : watchTree(root, lookSoon),
    )
  }

  /** Looks at once. */
  look(): void {
    this.#look((open) => this.#sockets.now(open))
  }

  #look(portsOf: PortsOf): void {
    const begun = performance.now()
    const runs = new Map(this.#options.runs().map((run) => [run.token, run]))
    const owners = new Map(carriers(new Set(runs.keys())).map(({ pid, token }) => [pid, runs.get(token)]))
    for (const [pid, things] of openThings([...owners.keys()], portsOf)) {
      const run = owners.get(pid)
      if (run === undefined) continue
      for (const path of things.files) if (this.#isForeign(path, run)) note(this.#writers, path, run.id)
      for (const what of things.memory) if (this.#isForeign(what, run)) note(this.#mappers, what, run.id)
      for (const port of things.ports) note(this.#listeners, port, run.id)
    }
    this.#lookedAt = performance.now()
    this.#tookMs = this.#lookedAt - begun
  }

  /** Looks no more; what was found, once everything has stopped. `exchanges` say who did something when. */
  findings(exchanges: readonly Exchange[]): (Finding | FileFinding)[] {
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers) watcher?.close()
    const writers = renamed(this.#writers, (path) => this.#nameOf(path))
    const changes = changesBetween(this.#before, this.#snapshot())
    const outside = [...writers.keys()]
      .filter((path) => isAbsolute(path) && existsSync(path))
      .map((path): FileChange => ({ path, how: 'written' }))
    const shared = sharedFindings({
      writers,
      mappers: renamed(this.#mappers, (path) => this.#nameOf(path)),
      listeners: this.#listeners,
    })
    const files = fileFindings([...changes, ...outside], (change) => writersOf(change, writers, exchanges))
    // In a folder outside others may write, too.
    const ours = files.filter(({ subject, file }) => file.writers.length > 0 || !this.#isLinked(subject))
    return [...shared, ...ours]
  }

  /** The links, '' for the app itself, below which there was too much to be looked at. */
  get cut(): readonly string[] {
    return [...this.#before].flatMap(([link, { isCut }]) => (isCut ? [link] : []))
  }

  #snapshot(): AppSnapshot {
    const { root, state } = this.#options
    return snapshotOf(root, { except: [state], apart: [state, realTemp(tempFolder())] })
  }

  #lookAgain(): void {
    const restMs = Math.max(LOOK_EVERY_MS, this.#tookMs * REST)
    this.#timer = setTimeout(() => {
      this.#look((open) => this.#sockets.lately(open))
      this.#lookAgain()
    }, restMs).unref()
  }

  /** Neither in its scratch directory nor one of our files, nor a cache that nobody misses. */
  #isForeign(path: string, { scratch }: Run): boolean {
    if (isDisposable(path)) return false
    return [scratch, realTemp(scratch), this.#options.state].every((folder) => !isWithin(path, folder))
  }

  /** By its path from the root, or through a link in there: shorter to read, and the same on every machine. */
  #nameOf(path: string): string {
    for (const [link, { root, isCut }] of this.#before)
      if (isWithin(path, root) && !(isCut && link !== '')) return join(link, relative(root, path))
    return path
  }

  #isLinked(name: string): boolean {
    return [...this.#before.keys()].some((link) => link !== '' && name.startsWith(link + sep))
  }
}

/** Who had it open, else who answered a request when it was written. */
function writersOf(
  { path, at }: FileChange,
  writers: ReadonlyMap<string, ReadonlySet<ProcessId>>,
  exchanges: readonly Exchange[],
): Writer[] {
  const seen = [...(writers.get(path) ?? [])].toSorted()
  if (seen.length > 0) return seen.map((id) => ({ id }))
  const those = at === undefined ? [] : answeringAt(exchanges, at)
  return those.map(({ process: id, method, path: asked }) => {
    return { id, doing: `answering ${method} ${asked}`, ...(those.length > 1 ? { isGuess: true } : {}) }
  })
}

function note<T>(map: Map<T, Set<ProcessId>>, what: T, id: ProcessId): void {
  map.set(what, (map.get(what) ?? new Set()).add(id))
}

function renamed<T>(map: ReadonlyMap<string, T>, name: (path: string) => string): Map<string, T> {
  return new Map([...map].map(([path, value]) => [name(path), value]))
}

let temp: string | undefined

/** The temp directory may be a link; the kernel names files by where they are. */
function realTemp(scratch: string): string {
  temp ??= realpathSync(tempFolder())
  return join(temp, relative(tempFolder(), scratch))
}

/** Only a hint: where it cannot be had, or loses events, there are the looks. */
function watchTree(root: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(root, { recursive: true, persistent: false }, changed)
    watcher.on('error', () => {})
    return watcher
  } catch {
    // No more watches left on this machine.
    return undefined
  }
}
