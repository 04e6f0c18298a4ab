import type { ProcessId } from '../core/names.ts'
import { LogSource } from './log-source.ts'
import type { Taken } from './log-source.ts'
import { hasLostReader, ReaderGone, writeAll } from './output.ts'
import { countLines } from './render.ts'
import type { Render } from './render.ts'

/** What is written at once, bytes before prefixes: enough to be fast, little to be shown twice after a kill. */
const BATCH = 256 * 1024
/** A log that grows is read this often, ms, instead of at every write to it. */
const READ_AGAIN_MS = 4
/** After so long without growth, ms, a log is watched instead of read. */
const COLD_AFTER_MS = 100
/** Watches may miss something, and a reader may leave without a word: look this often, ms. */
const LOOK_EVERY_MS = 1_000

const SYSTEM = 'system'

interface Followed {
  readonly source: LogSource
  grewAt: number
  /** Said when the last line of it has been shown. */
  farewell: string | undefined
  /** Batches with lines of it that have not left yet. */
  pending: number
}

interface Shown {
  readonly followed: Followed
  readonly offset: number
  readonly seq: number
}

export interface FollowerOptions {
  readonly fd: number
  readonly render: Render
  /** Lines are numbered, which costs something. */
  readonly counts: boolean
  readonly readerGone: () => void
  /** Called after bytes have left, and after it was noted that they did: for crash tests. */
  readonly onStep: (step: 'written' | 'recorded') => void
}

/**
 * Shows logs as they grow, merged: lines of one process in their order, each line whole. It reads files that
 * nobody waits for, so that a slow reader slows this and nothing else, and holds one batch at a time.
 */
export class Follower {
  readonly #options: FollowerOptions
  /** The runs of each process, oldest first; the first one is being shown. */
  readonly #queues = new Map<ProcessId, Followed[]>()
  readonly #system: string[] = []
  #systemSeq = 1
  #isHeld = true
  #isClosing = false
  #hint: () => void = () => {}
  #hinted = false
  #writing: Promise<void> = Promise.resolve()
  readonly #ended: Promise<void>

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#ended = this.#pump().catch((error: unknown) => {
      if (!(error instanceof ReaderGone)) throw error
      options.readerGone()
    })
  }

  /** Follows one more run of a process, after the earlier ones. */
  follow(process: ProcessId, directory: string): void {
    const queue = this.#queues.get(process) ?? []
    const before = queue.at(-1)?.source
    before?.unwatch()
    // A process has one run at a time.
    if (before !== undefined) before.isEnded = true
    const seq = before?.seq ?? 1
    const source = new LogSource(process, directory)
    source.seq = Math.max(source.seq, seq)
    this.#queues.set(process, [
      ...queue,
      { source, grewAt: performance.now(), farewell: undefined, pending: 0 },
    ])
    this.#wake()
  }

  /** Nothing more comes from the newest run: show the rest of it, and then say something. */
  runEnded(process: ProcessId, farewell: string | undefined): void {
    const followed = this.#queues.get(process)?.at(-1)
    if (followed === undefined) {
      if (farewell !== undefined) this.say(farewell)
      return
    }
    followed.source.unwatch()
    followed.source.isEnded = true
    followed.farewell = farewell
    this.#wake()
  }

  /** A line of tw-run's own. */
  say(text: string): void {
    this.#system.push(text)
    this.#wake()
  }

  /** Lets the lines of processes through: they wait until tw-run has said what runs. */
  release(): void {
    this.#isHeld = false
    this.#wake()
  }

  /** Resolves when everything has been shown, or the reader has gone. */
  async close(): Promise<void> {
    for (const { source } of [...this.#queues.values()].flat()) {
      source.unwatch()
      source.isEnded = true
    }
    this.#isHeld = false
    this.#isClosing = true
    this.#wake()
    await this.#ended
  }

  async #pump(): Promise<void> {
    for (;;) {
      this.#hinted = false
      const shown: Shown[] = []
      const parts = [...this.#takeSystem(), ...(this.#isHeld ? [] : this.#takeLines(shown))]
      // The next batch is made while this one is written.
      await this.#writing
      if (parts.length > 0) {
        this.#writing = this.#write(parts, shown)
        // Awaited above in the next round; until then a failure is nobody's.
        this.#writing.catch(() => {})
        continue
      }
      if (this.#isClosing && this.#system.length === 0 && this.#queues.size === 0) return
      if (hasLostReader(this.#options.fd)) throw new ReaderGone()
      await this.#rest()
    }
  }

  async #write(parts: Buffer[], shown: readonly Shown[]): Promise<void> {
    await writeAll(this.#options.fd, parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts))
    this.#options.onStep('written')
    for (const { followed, offset, seq } of shown) {
      followed.source.recordShown(offset, seq)
      followed.source.giveBack()
    }
    this.#options.onStep('recorded')
    for (const { followed } of shown) {
      followed.pending -= 1
      this.#retire(followed)
    }
  }

  #takeSystem(): Buffer[] {
    return this.#system.splice(0).map((text) => this.#renderSystem(text))
  }

  #renderSystem(text: string): Buffer {
    const bytes = Buffer.from(`${text}\n`)
    const seq = this.#systemSeq
    this.#systemSeq += countLines(bytes, false)
    return this.#options.render(bytes, { process: SYSTEM, seq, isPartial: false })
  }

  #takeLines(shown: Shown[]): Buffer[] {
    const parts: Buffer[] = []
    let size = 0
    for (const [followed] of this.#queues.values()) {
      if (followed === undefined || size >= BATCH) break
      if (followed.source.isWatched) continue
      const taken = followed.source.take()
      if (taken !== undefined) {
        size += taken.bytes.length
        followed.pending += 1
        parts.push(this.#render(followed, taken))
        shown.push({ followed, offset: followed.source.offset, seq: followed.source.seq })
      } else if (followed.source.isEnded) {
        parts.push(...this.#farewell(followed))
      }
    }
    this.#rotate()
    return parts
  }

  /** Who was first is last the next time, so that a process that never stops talking keeps nobody silent. */
  #rotate(): void {
    const [first] = this.#queues
    if (first === undefined || this.#queues.size === 1) return
    this.#queues.delete(first[0])
    this.#queues.set(...first)
  }

  #render(followed: Followed, { bytes, isPartial }: Taken): Buffer {
    const { source } = followed
    const { seq } = source
    followed.grewAt = performance.now()
    if (this.#options.counts) source.seq += countLines(bytes, isPartial)
    return this.#options.render(bytes, { process: source.process, seq, isPartial })
  }

  /** The log is shown to its end. */
  #farewell(followed: Followed): Buffer[] {
    const { farewell } = followed
    followed.farewell = undefined
    this.#retire(followed)
    return farewell === undefined ? [] : [this.#renderSystem(farewell)]
  }

  /** Lets go of a run that has ended and been shown, and turns to the next one of its process. */
  #retire(followed: Followed): void {
    const { source } = followed
    if (!source.isEnded || followed.pending > 0 || followed.farewell !== undefined) return
    if (source.isClosed || source.backlog > 0) return
    const queue = this.#queues.get(source.process)
    if (queue?.[0] !== followed) return
    source.close()
    const [, next] = queue
    if (next === undefined) this.#queues.delete(source.process)
    else {
      next.source.seq = Math.max(next.source.seq, source.seq)
      this.#queues.set(source.process, queue.slice(1))
    }
  }

  /** Until a log may have grown: those that grow are read again soon, the others are watched. */
  async #rest(): Promise<void> {
    const now = performance.now()
    let wait = LOOK_EVERY_MS
    for (const [followed] of this.#queues.values()) {
      if (followed === undefined || this.#isHeld) continue
      const { source } = followed
      if (source.isWatched && source.backlog > 0) source.unwatch()
      if (now - followed.grewAt < COLD_AFTER_MS || source.isEnded) wait = READ_AGAIN_MS
      else if (!source.isWatched) this.#watch(followed)
    }
    if (this.#hinted) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait)
      this.#hint = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hint = () => {}
  }

  #watch(followed: Followed): void {
    const { source } = followed
    const before = source.backlog
    source.watch(() => {
      source.unwatch()
      followed.grewAt = performance.now()
      this.#wake()
    })
    // It may have grown between the last read and the watch.
    if (source.backlog > before) this.#wake()
  }

  #wake(): void {
    this.#hinted = true
    this.#hint()
  }
}
