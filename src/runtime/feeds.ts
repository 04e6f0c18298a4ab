import type { ProcessId } from '../core/names.ts'
import type { LogSource } from './log-source.ts'

/** One run whose log is shown. */
export interface Feed {
  readonly source: LogSource
  /** Said when the last line of it has been shown. */
  farewell: string | undefined
  /** When the run ended among all that was said; Infinity while it has not. */
  endedAt: number
  /** Batches with lines of it that have not left yet. */
  pending: number
}

/** The runs of every process that are not shown to their end, oldest first: only a process's first is shown. */
export class Feeds {
  readonly #queues = new Map<ProcessId, Feed[]>()

  get isEmpty(): boolean {
    return this.#queues.size === 0
  }

  /** The run of each process that is shown now. */
  *current(): Generator<Feed> {
    for (const [first] of this.#queues.values()) if (first !== undefined) yield first
  }

  /** The newest run of a process. */
  newest(process: ProcessId): Feed | undefined {
    return this.#queues.get(process)?.at(-1)
  }

  add(source: LogSource): void {
    const queue = this.#queues.get(source.process)
    const feed = { source, farewell: undefined, endedAt: Infinity, pending: 0 }
    if (queue === undefined) this.#queues.set(source.process, [feed])
    else queue.push(feed)
  }

  /** Who was first is last the next time, so that a process that never stops talking keeps nobody silent. */
  rotate(): void {
    const [first] = this.#queues
    if (first === undefined || this.#queues.size === 1) return
    this.#queues.delete(first[0])
    this.#queues.set(...first)
  }

  /** Lets go of a run that has ended and been shown, and turns to the next one of its process. */
  retire(feed: Feed): void {
    const { source } = feed
    if (!source.isEnded || source.isClosed || feed.pending > 0 || feed.farewell !== undefined) return
    if (source.isBehind) return
    this.drop(feed)
  }

  /** Lets go of a run whatever is left of it. */
  drop({ source }: Feed): void {
    source.close()
    const queue = this.#queues.get(source.process) ?? []
    queue.shift()
    if (queue.length === 0) this.#queues.delete(source.process)
  }

  /** Nothing more comes to any log. */
  endAll(): void {
    for (const queue of this.#queues.values()) for (const { source } of queue) source.end()
  }

  dropAll(): void {
    for (const queue of this.#queues.values()) for (const { source } of queue) source.close()
    this.#queues.clear()
  }
}
