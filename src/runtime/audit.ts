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
import { openThings } from './open-files.ts'
import { carriers } from './process-table.ts'
import { changesBetween, snapshot } from './tree-snapshot.ts'
import type { Snapshot } from './tree-snapshot.ts'
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
  readonly #before: Snapshot
  readonly #except: ReadonlySet<string>
  #timer: NodeJS.Timeout | undefined
  readonly #watcher: FSWatcher | undefined
  readonly #writers = new Map<string, Set<ProcessId>>()
  readonly #mappers = new Map<string, Set<ProcessId>>()
  readonly #listeners = new Map<number, Set<ProcessId>>()
  #lookedAt = 0
  /** How long the last look took, ms: many processes take longer. */
  #tookMs = 0

  constructor(options: AuditOptions) {
    this.#options = options
    this.#except = new Set([options.state])
    this.#before = snapshot(options.root, this.#except)
    this.#lookAgain()
    // Who has a new file open can only be seen while it is open.
    this.#watcher = watchTree(options.root, () => {
      const restMs = Math.max(LOOK_SOONER_MS, this.#tookMs * SHORT_REST)
      if (performance.now() >= this.#lookedAt + restMs) this.look()
    })
  }

  /** Looks at once. */
  look(): void {
    const begun = performance.now()
    const runs = new Map(this.#options.runs().map((run) => [run.token, run]))
    const owners = new Map(carriers(new Set(runs.keys())).map(({ pid, token }) => [pid, runs.get(token)]))
    for (const [pid, things] of openThings([...owners.keys()])) {
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
    this.#watcher?.close()
    const { root } = this.#options
    const changes = changesBetween(this.#before, snapshot(root, this.#except))
    const outside = [...this.#writers.keys()]
      .filter((path) => !isWithin(path, root) && existsSync(path))
      .map((path): FileChange => ({ path, how: 'written' }))
    const shared = sharedFindings({
      writers: renamed(this.#writers, (path) => this.#nameOf(path)),
      mappers: renamed(this.#mappers, (path) => this.#nameOf(path)),
      listeners: this.#listeners,
    })
    return [
      ...shared,
      ...fileFindings([...changes, ...outside], (change) => this.#writersOf(change, exchanges)),
    ]
  }

  /** What would have been found of a tree that is too large was not looked for. */
  get isCut(): boolean {
    return this.#before.isCut
  }

  #lookAgain(): void {
    const restMs = Math.max(LOOK_EVERY_MS, this.#tookMs * REST)
    this.#timer = setTimeout(() => {
      this.look()
      this.#lookAgain()
    }, restMs).unref()
  }

  /** Neither in its scratch directory nor one of our files, nor a cache that nobody misses. */
  #isForeign(path: string, { scratch }: Run): boolean {
    if (isDisposable(path)) return false
    return [scratch, realTemp(scratch), this.#options.state].every((folder) => !isWithin(path, folder))
  }

  /** Who had it open, else who answered a request when it was written. */
  #writersOf({ path, at }: FileChange, exchanges: readonly Exchange[]): Writer[] {
    const whole = isAbsolute(path) ? path : join(this.#options.root, path)
    const seen = [...(this.#writers.get(whole) ?? [])].toSorted()
    if (seen.length > 0) return seen.map((id) => ({ id }))
    const those = at === undefined ? [] : answeringAt(exchanges, at)
    return those.map(({ process: id, method, path: asked }) => {
      return { id, doing: `answering ${method} ${asked}`, ...(those.length > 1 ? { isGuess: true } : {}) }
    })
  }

  /** From the root where it is below it: shorter to read, and the same on every machine. */
  #nameOf(path: string): string {
    return isWithin(path, this.#options.root) ? relative(this.#options.root, path) : path
  }
}

function note<T>(map: Map<T, Set<ProcessId>>, what: T, id: ProcessId): void {
  map.set(what, (map.get(what) ?? new Set()).add(id))
}

function renamed<T>(map: ReadonlyMap<string, T>, name: (path: string) => string): Map<string, T> {
  return new Map([...map].map(([path, value]) => [name(path), value]))
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep)
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
