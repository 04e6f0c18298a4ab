import type { ProcessId } from '../core/names.ts'
import { Attention } from './attention.ts'
import { bootNow } from './clock.ts'
import { Feeds } from './feeds.ts'
import type { Feed } from './feeds.ts'
import { LogSource } from './log-source.ts'
import { Outbox } from './outbox.ts'
import { Output, OutputLost, ReaderGone } from './output.ts'
import { ReaderWatch } from './reader-watch.ts'
import type { Render } from './render.ts'
import { keepHeapSmall } from './small-heap.ts'

/** A batch is sent when it has so many bytes: enough to be fast, little to be shown twice after a kill. */
const BATCH = 256 * 1024

/** More bytes than that at once are a flood. */
const FLOOD = 16 * 1024

/** A reader is watched when so much time has gone by, ms, and there is nothing to write. */
const WATCH_READER_AFTER_MS = 900

const SYSTEM = 'system'

interface Shown {
  readonly feed: Feed
  readonly offset: number
  readonly seq: number
}

/** Lines on their way out, and what is to be noted when they have left. */
interface Batch {
  readonly out: Outbox
  readonly shown: Shown[]
}

export interface FollowerOptions {
  readonly fd: number
  readonly render: Render
  readonly readerGone: () => void
  /** Something a person should know that cannot be said in the output itself. */
  readonly trouble: (message: string) => void
  /** Called after bytes have left, and after it was noted that they did: for crash tests. */
  readonly onStep: (step: 'written' | 'recorded') => void
}

/**
 * Shows logs as they grow, merged: lines of one process in their order, each line whole. It reads files that
 * nobody waits for, so that a slow reader slows this and nothing else, and holds two batches at a time.
 */
export class Follower {
  readonly #options: FollowerOptions
  readonly #output: Output
  readonly #reader: ReaderWatch
  readonly #feeds = new Feeds()
  readonly #attention = new Attention()
  /** The number of the next line of each process. */
  readonly #seqs = new Map<string, number>()
  readonly #system: { readonly text: string; readonly at: number }[] = []
  /** Counts what was said and what ended, so that it is shown in that order. */
  #events = 0
  #isHeld = true
  #isClosing = false
  #lastWord: string | undefined
  #isGone = false
  #isReaderLost = false
  #isGivingBack = true
  #writing: Promise<void> = Promise.resolve()
  readonly #ended: Promise<void>

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#output = new Output(options.fd, ({ message }) =>
      options.trouble(`the output cannot be written (${message}): trying again, the logs keep it`),
    )
    this.#reader = new ReaderWatch(options.fd, () => {
      this.#isReaderLost = true
      this.#attention.wake()
    })
    this.#ended = this.#pump()
      .catch((error: unknown) => this.#stop(error))
      .finally(() => this.#reader.end())
  }

  /** Follows one more run of a process, after the earlier ones. */
  follow(process: ProcessId, directory: string): void {
    if (this.#isGone) return
    // A process has one run at a time.
    this.#feeds.newest(process)?.source.end()
    try {
      const source = new LogSource(process, directory)
      this.#seqs.set(process, Math.max(source.seq, this.#seqs.get(process) ?? 1))
      this.#feeds.add(source)
    } catch (error) {
      this.say(`the output of ${process} cannot be shown: ${(error as Error).message}`)
    }
    this.#attention.wake()
  }

  /** The log of its newest run has grown: said about once a second, since watches may miss something. */
  grew(process: ProcessId): void {
    const feed = this.#feeds.newest(process)
    if (feed !== undefined) this.#attention.heed(feed)
  }

  /** Nothing more comes from the newest run: show the rest of it, and then say something. */
  runEnded(process: ProcessId, farewell: string | undefined): void {
    const feed = this.#feeds.newest(process)
    // One that could not be started has no log, and comes after the one that is shown.
    if (feed === undefined || feed.endedAt < Infinity) {
      if (farewell !== undefined) this.say(farewell)
      return
    }
    feed.source.end()
    feed.farewell = farewell
    feed.endedAt = this.#events++
    this.#attention.wake()
  }

  /** A line of tw-run's own. */
  say(text: string): void {
    if (this.#isGone) return
    // Before lines are let through, they all come after it: of runs that a killed tw-run saw end, too.
    this.#system.push({ text, at: this.#isHeld ? -1 : this.#events++ })
    this.#attention.wake()
  }

  /** Lets the lines of processes through: they wait until tw-run has said what runs. */
  release(): void {
    this.#isHeld = false
    this.#attention.wake()
  }

  /** Resolves when everything has been shown, and `lastWord` after it, or nobody is there to see it. */
  async close(lastWord: string): Promise<void> {
    this.#lastWord = lastWord
    this.#feeds.endAll()
    this.#output.finish()
    this.#isHeld = false
    this.#isClosing = true
    this.#attention.wake()
    await this.#ended
  }

  async #pump(): Promise<void> {
    const begun = bootNow()
    let next: Batch = { out: new Outbox(), shown: [] }
    let sent: Batch = { out: new Outbox(), shown: [] }
    for (;;) {
      this.#attention.begin()
      this.#addSaid(next)
      if (!this.#isHeld) {
        this.#addLines(next)
        this.#feeds.rotate()
      }
      // One batch is made while the other is written.
      await this.#writing
      if (next.out.length > 0) {
        ;[next, sent] = [sent, next]
        this.#writing = this.#send(sent)
        // Awaited above in the next round; until then a failure is nobody's.
        this.#writing.catch(() => {})
        continue
      }
      if (this.#isClosing && this.#system.length === 0 && this.#feeds.isEmpty) {
        if (this.#lastWord === undefined) return
        this.say(this.#lastWord)
        this.#lastWord = undefined
        continue
      }
      if (this.#isReaderLost) throw new ReaderGone()
      // Not at once: a reader that leaves within a second is mostly told by a write, and a helper costs a fork.
      if (bootNow() - begun > WATCH_READER_AFTER_MS) this.#reader.begin()
      await this.#attention.rest(this.#isHeld ? [] : [...this.#feeds.current()])
    }
  }

  async #send({ out, shown }: Batch): Promise<void> {
    // Not for less: V8's module takes 1 ms, in which a first line would wait.
    if (out.length >= FLOOD) keepHeapSmall()
    await this.#output.write(out.bytes)
    this.#options.onStep('written')
    for (const { feed, offset, seq } of shown) {
      feed.source.recordShown(offset, seq)
      feed.source.giveBack((why) => this.#cannotGiveBack(why))
    }
    this.#options.onStep('recorded')
    for (const { feed } of shown) {
      feed.pending -= 1
      this.#feeds.retire(feed)
    }
    out.clear()
    shown.length = 0
  }

  /** What was said, each behind the last lines and the end of what had ended by then. */
  #addSaid(batch: Batch): void {
    for (;;) {
      const [next] = this.#system
      if (next === undefined) return
      if (!this.#isHeld) this.#addLines(batch, next.at)
      if (batch.out.length >= BATCH) return
      if (!this.#isHeld && this.#isFarewellDue(next.at)) continue
      this.#system.shift()
      this.#addSystem(next.text, batch.out)
    }
  }

  /** Whether a run that ended before an event has been shown, but not that it ended. */
  #isFarewellDue(before: number): boolean {
    for (const { source, farewell, endedAt } of this.#feeds.current())
      if (endedAt < before && farewell !== undefined && !source.isResting) return true
    return false
  }

  #addSystem(text: string, out: Outbox): void {
    const seq = this.#seqs.get(SYSTEM) ?? 1
    const lines = this.#options.render(
      Buffer.from(`${text}\n`),
      { process: SYSTEM, seq, isPartial: false },
      out,
    )
    this.#seqs.set(SYSTEM, seq + lines)
  }

  /** Of all processes, or of those that had ended before an event. */
  #addLines(batch: Batch, before = Infinity): void {
    for (const feed of this.#feeds.current()) {
      if (batch.out.length >= BATCH) break
      if (feed.source.isResting || feed.endedAt > before) continue
      try {
        if (!this.#addFrom(feed, batch) && feed.source.isEnded) this.#addFarewell(feed, batch)
      } catch (error) {
        // A disk that fails takes the view of this run with it, and nothing else.
        this.say(`the log of ${feed.source.process} cannot be read: ${(error as Error).message}`)
        this.#addFarewell(feed, batch)
        this.#feeds.drop(feed)
      }
    }
  }

  /** Adds the next lines of a run; false if there are none yet. */
  #addFrom(feed: Feed, { out, shown }: Batch): boolean {
    const { source } = feed
    const before = out.length
    const first = this.#seqs.get(source.process) ?? 1
    let seq = first
    for (;;) {
      const taken = source.take()
      if (taken === undefined) break
      const { bytes, isPartial } = taken
      seq += this.#options.render(bytes, { process: source.process, seq, isPartial }, out)
      if (out.length - before >= BATCH) break
    }
    if (out.length === before) return false
    this.#seqs.set(source.process, seq)
    feed.pending += 1
    shown.push({ feed, offset: source.offset, seq })
    return true
  }

  /** The log is shown to its end. */
  #addFarewell(feed: Feed, { out }: Batch): void {
    const { farewell } = feed
    feed.farewell = undefined
    if (farewell !== undefined) this.#addSystem(farewell, out)
    this.#feeds.retire(feed)
  }

  #cannotGiveBack(why: string): void {
    if (!this.#isGivingBack) return
    this.#isGivingBack = false
    this.say(`logs keep their full size on disk while their processes run: ${why}`)
  }

  #stop(error: unknown): void {
    this.#isGone = true
    this.#feeds.dropAll()
    if (error instanceof ReaderGone) this.#options.readerGone()
    else if (error instanceof OutputLost)
      this.#options.trouble(`the output is not complete: ${error.message}`)
    else throw error
  }
}
