import type { JournalEvent } from '../core/journal.ts'
import type { Desired, Observed } from '../core/process.ts'
import { recycling } from '../core/recycle.ts'
import type { Session } from '../core/session.ts'
import type { Definition } from './definition.ts'
import type { Host } from './host.ts'
import { FileWatch } from './file-watch.ts'
import type { FileWatchOptions } from './file-watch.ts'
import type { App } from './load.ts'
import type { Globs } from './watched-files.ts'

export interface ReplacerOptions extends Pick<FileWatchOptions, 'ring' | 'except'> {
  readonly host: Host
  readonly definition: () => Definition
  readonly journal: (event: JournalEvent) => void
  /** Has types and processes replaced: that is on disk when it returns. */
  readonly replace: (names: readonly string[]) => void
}

const NOTHING = { due: [], nextAt: Infinity } as const

/** What is known when it is asked what to replace. */
export interface Scene {
  readonly session: Session
  readonly desired: Desired
  readonly observed: Observed
}

/** Finds what is to be replaced without anybody's asking: what is old, and what has other files now. */
export class Replacer {
  readonly #options: ReplacerOptions
  readonly #watch: FileWatch

  constructor(options: ReplacerOptions) {
    const { host, definition, ring, except } = options
    this.#options = options
    const { root } = definition().app
    this.#watch = new FileWatch({ root, except, ring, trouble: (message) => host.trouble(message) })
  }

  /** Replaces what is due at a time; when something next may be. ms since boot, both. */
  look(scene: Scene, now: number): number {
    const { session, desired, observed } = scene
    const { definition, replace, journal } = this.#options
    if (session.ending !== undefined || session.stages[0] !== 'formation') return Infinity
    const { app } = definition()
    const { recycleMs } = app.settings
    const old = recycleMs === undefined ? NOTHING : recycling(recycleMs, desired.wants, observed, now)
    this.#watch.follow(globsOf(app))
    const { over, nextAt } = this.#watch.look(now)
    const running = new Set([...desired.wants.values()].map(({ plan }) => plan.type))
    const changed = over.filter(({ type }) => running.has(type))
    const due = [...old.due, ...changed.map(({ type }) => type)]
    if (due.length === 0) return Math.min(old.nextAt, nextAt)
    replace(due)
    if (recycleMs !== undefined && old.due.length > 0)
      journal({ type: 'recycled', ids: old.due, everyMs: recycleMs })
    for (const { type, files } of changed) journal({ type: 'changed', process: type, files: [...files] })
    return now
  }

  close(): void {
    this.#watch.close()
  }
}

function globsOf({ manifest }: App): Globs {
  return new Map(
    [...manifest.rules].flatMap(([type, { watch = [] }]) => (watch.length === 0 ? [] : [[type, watch]])),
  )
}
