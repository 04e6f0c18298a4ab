import { readdirSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import type { FSWatcher } from 'chokidar'
import { mayHold, noted, reachOf, settled } from '../core/watch.ts'
import type { Burst, Reach } from '../core/watch.ts'
import { bootNow } from './clock.ts'

/** The kernel dates a change up to so long (ms) before it happens. */
const DATED_EARLIER_MS = 20

/**
 * So long (ms) after a folder came it is looked into: chokidar reads a folder before it watches it, and what comes
 * between the two is never told.
 */
const LOOK_INTO_AFTER_MS = [200, 2_000]

/** The globs of each type that has any. */
export type Globs = ReadonlyMap<string, readonly string[]>

export interface FileWatchOptions {
  readonly root: string
  /** A folder whose changes are our own. */
  readonly except: string
  /** Something may be due. */
  readonly ring: () => void
  readonly trouble: (message: string) => void
}

/** Follows the files that types are to be restarted for. */
export class FileWatch {
  readonly #options: FileWatchOptions
  #globs: Globs = new Map()
  #watcher: FSWatcher | undefined
  #bursts: ReadonlyMap<string, Burst> = new Map()
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

  /** The bursts of writes that are over, each once, and when the next one may be, ms since boot. */
  look(now: number): { readonly over: readonly Burst[]; readonly nextAt: number } {
    const { over, open, nextAt } = settled(this.#bursts, now)
    this.#bursts = open
    for (const { type } of over) this.#overAt.set(type, Date.now())
    return { over, nextAt }
  }

  close(): void {
    this.#serial += 1
    this.#globs = new Map()
    this.#bursts = new Map()
    void this.#watcher?.close()
    this.#watcher = undefined
  }

  // Loaded when somebody wants to watch.
  async #open(serial: number): Promise<void> {
    const { root, trouble } = this.#options
    const [{ watch }, { default: picomatch }] = await Promise.all([import('chokidar'), import('picomatch')])
    if (serial !== this.#serial) return
    const matchers = [...this.#globs].map(([type, globs]) => {
      const wanted = picomatch(globs.filter((glob) => !glob.startsWith('!')))
      const not = globs.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1))
      const unwanted = not.length === 0 ? () => false : picomatch(not)
      return { type, isOurs: (path: string) => wanted(path) && !unwanted(path) }
    })
    const reaches = [...this.#globs.values()]
      .flat()
      .filter((glob) => !glob.startsWith('!'))
      .map((glob): Reach => reachOf(glob, picomatch.scan(glob).base))
    const isIgnored = (path: string, stats?: Stats): boolean => {
      const within = this.#within(path)
      if (within === undefined) return true
      if (stats?.isFile() !== true && mayHold(within, reaches)) return false
      return !matchers.some(({ isOurs }) => isOurs(within))
    }
    const watcher = watch(root, {
      ignoreInitial: true,
      persistent: false,
      alwaysStat: true,
      atomic: false,
      ignorePermissionErrors: true,
      ignored: isIgnored,
    })
    this.#watcher = watcher
    watcher.on('error', (error) => trouble(`cannot watch files: ${reasonOf(error)}`))
    const changed = (path: string, stats: Stats | undefined): void => {
      const within = this.#within(path)
      if (within === undefined) return
      for (const { type, isOurs } of matchers) if (isOurs(within)) this.#note(type, within, stats?.ctimeMs)
    }
    const told = new Set<string>()
    const cameUp = (folder: string): void => {
      told.add(folder)
      const lookInto = (): void => {
        if (serial !== this.#serial) return
        for (const { path, stats } of entriesOf(folder)) {
          if (isIgnored(path, stats)) continue
          if (!stats.isDirectory()) changed(path, stats)
          else if (!told.has(path)) {
            watcher.add(path)
            cameUp(path)
          }
        }
      }
      for (const afterMs of LOOK_INTO_AFTER_MS) setTimeout(lookInto, afterMs).unref()
    }
    watcher.on('all', (event, path, stats) => {
      if (event === 'addDir') cameUp(resolve(root, path))
      else if (event === 'unlinkDir') told.delete(resolve(root, path))
      else changed(path, stats)
    })
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

  /** The path from the root, with slashes; undefined for what is not the app's. */
  #within(path: string): string | undefined {
    const { root, except } = this.#options
    const full = resolve(root, path)
    if (full === except || full.startsWith(`${except}${sep}`)) return undefined
    return relative(root, full).split(sep).join('/')
  }
}

/** What is in a folder now; nothing, if it has gone. */
function entriesOf(folder: string): { readonly path: string; readonly stats: Stats }[] {
  try {
    return readdirSync(folder).flatMap((name) => {
      const path = join(folder, name)
      const stats = statSync(path, { throwIfNoEntry: false })
      return stats === undefined ? [] : [{ path, stats }]
    })
  } catch {
    // Gone meanwhile, or not ours to read: there is nothing to be seen.
    return []
  }
}

function reasonOf(error: unknown): string {
  const { code = '', message = String(error) } = error as { code?: string; message?: string }
  return code === 'ENOSPC' ? 'too many of them (see sysctl fs.inotify.max_user_watches)' : message
}
