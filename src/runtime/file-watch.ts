import { readdirSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { join, resolve } from 'node:path'
import type { FSWatcher } from 'chokidar'
import { NewFolders } from '../core/new-folders.ts'
import { noted, settled } from '../core/watch.ts'
import type { Burst } from '../core/watch.ts'
import { bootNow } from './clock.ts'
import { WatchedFiles } from './watched-files.ts'
import type { Globs, WatchedPlace } from './watched-files.ts'

/** The kernel dates a change up to so long (ms) before it happens. */
const DATED_EARLIER_MS = 20

export interface FileWatchOptions extends WatchedPlace {
  /** Something may be due. */
  readonly ring: () => void
  readonly trouble: (message: string) => void
}

interface Watching {
  readonly watcher: FSWatcher
  readonly files: WatchedFiles
}

/** Follows the files that types are to be restarted for. */
export class FileWatch {
  readonly #options: FileWatchOptions
  #globs: Globs = new Map()
  #watching: Watching | undefined
  #bursts: ReadonlyMap<string, Burst> = new Map()
  #newFolders = new NewFolders()
  /** When the last burst of each type was over, ms since 1970. */
  readonly #overAt = new Map<string, number>()
  /** Counts what was asked for: an answer to an earlier wish comes too late. */
  #serial = 0

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  /** From now on follows the files that these globs match; what changed before is no news. */
  follow(globs: Globs): void {
    if (JSON.stringify([...globs]) === JSON.stringify([...this.#globs])) return
    this.close()
    this.#globs = globs
    if (globs.size > 0) void this.#open((this.#serial += 1))
  }

  /** The bursts of writes that are over, each once, and when to look again, ms since boot. */
  look(now: number): { readonly over: readonly Burst[]; readonly nextAt: number } {
    const lookAt = this.#lookIntoNew(now)
    const { over, open, nextAt } = settled(this.#bursts, now)
    this.#bursts = open
    for (const { type } of over) this.#overAt.set(type, Date.now())
    return { over, nextAt: Math.min(lookAt, nextAt) }
  }

  close(): void {
    this.#serial += 1
    this.#globs = new Map()
    this.#bursts = new Map()
    this.#newFolders = new NewFolders()
    void this.#watching?.watcher.close()
    this.#watching = undefined
  }

  // Loaded when somebody wants to watch.
  async #open(serial: number): Promise<void> {
    const { root, trouble } = this.#options
    const [{ watch }, { default: picomatch }] = await Promise.all([import('chokidar'), import('picomatch')])
    if (serial !== this.#serial) return
    const files = new WatchedFiles(this.#options, this.#globs, picomatch)
    const watcher = watch(root, {
      ignoreInitial: true,
      persistent: false,
      alwaysStat: true,
      atomic: false,
      ignorePermissionErrors: true,
      ignored: (path, stats) => files.isIgnored(path, stats),
    })
    this.#watching = { watcher, files }
    watcher.on('error', (error) => trouble(`cannot watch files: ${reasonOf(error)}`))
    watcher.on('all', (event, path, stats) => {
      if (event === 'addDir') this.#came(resolve(root, path))
      else if (event === 'unlinkDir') this.#newFolders.gone(resolve(root, path))
      else this.#changed(files, path, stats)
    })
  }

  #came(folder: string): void {
    const before = this.#newFolders.nextAt
    this.#newFolders.came(folder, bootNow())
    if (this.#newFolders.nextAt < before) this.#options.ring()
  }

  /** When the next new folder is to be looked into, ms since boot. */
  #lookIntoNew(now: number): number {
    if (this.#watching === undefined) return Infinity
    const { watcher, files } = this.#watching
    for (const { path, stats } of this.#newFolders.due(now).flatMap(entriesOf)) {
      if (files.isIgnored(path, stats)) continue
      if (!stats.isDirectory()) this.#changed(files, path, stats)
      else if (!this.#newFolders.isKnown(path)) {
        watcher.add(path)
        this.#came(path)
      }
    }
    this.#newFolders.done(now)
    return this.#newFolders.nextAt
  }

  #changed(files: WatchedFiles, path: string, stats: Stats | undefined): void {
    const { types, within } = files.typesOf(path)
    for (const type of types) this.#note(type, within, stats?.ctimeMs)
  }

  /** `changedAt` is in ms since 1970, if the file is there. */
  #note(type: string, file: string, changedAt = Infinity): void {
    // News of a burst that was over when it came: what was started since has the change already.
    if (changedAt < (this.#overAt.get(type) ?? 0) - DATED_EARLIER_MS) return
    const isFirst = this.#bursts.size === 0
    this.#bursts = noted(this.#bursts, type, file, bootNow())
    // Whoever waits for a burst to be over sees by itself that it goes on.
    if (isFirst) this.#options.ring()
  }
}

interface Entry {
  readonly path: string
  readonly stats: Stats
}

/** What is in a folder now; nothing, if it has gone or is not ours to read. */
function entriesOf(folder: string): Entry[] {
  try {
    return readdirSync(folder).flatMap((name) => entryAt(join(folder, name)))
  } catch {
    return []
  }
}

function entryAt(path: string): Entry[] {
  try {
    return [{ path, stats: statSync(path) }]
  } catch {
    // Gone meanwhile, or a link that leads nowhere or round and round.
    return []
  }
}

function reasonOf(error: unknown): string {
  const { code = '', message = String(error) } = error as { code?: string; message?: string }
  return code === 'ENOSPC' ? 'too many of them (see sysctl fs.inotify.max_user_watches)' : message
}
