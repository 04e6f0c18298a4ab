import { describeExit, exitCodeOf } from '../core/exit.ts'
import type { Finding } from '../core/finding.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { ProcessId } from '../core/names.ts'
import type { Run } from '../core/process.ts'
import { duration } from './journal-text.ts'

export interface Watched {
  /** What is not of the app, such as the router and backing services, is not listened to. */
  readonly isDisturbed: (id: ProcessId) => boolean
  /** ms from its stop signal to SIGKILL. */
  readonly graceOf: (id: ProcessId) => number
}

/** Hears how the processes of a proof stop, and whether they start again. */
export class StopWatch {
  readonly #findings = new Map<string, Finding>()
  readonly #watched: Watched
  #isReady = false
  #slowestMs: number | null = null
  #stops = 0

  constructor(watched: Watched) {
    this.#watched = watched
  }

  /** One of each process and kind: what it does once it does every time. */
  get findings(): Finding[] {
    return [...this.#findings.values()]
  }

  /** Whether some process may not come back: then nobody has to wait for all to have had their turn. */
  get hasDeserter(): boolean {
    return this.findings.some(({ rule }) => rule === 'start')
  }

  /** ms; null if nothing was told to stop. */
  get slowestMs(): number | null {
    return this.#slowestMs
  }

  get stops(): number {
    return this.#stops
  }

  /** From now on nothing ends by itself: before, something may have waited for something else to be there. */
  formationIsReady(): void {
    this.#isReady = true
  }

  readonly hear = (event: JournalEvent): void => {
    if (!('run' in event) || !this.#watched.isDisturbed(event.run.id)) return
    const { run } = event
    if (event.type === 'killed')
      this.#note(run, 'stop', `did not stop within ${duration(this.#watched.graceOf(run.id))}`)
    if (event.type === 'leftovers') {
      const what = event.commands.slice(0, 3).join(', ')
      this.#note(run, 'leftover', `ended and left running: ${what}`)
    }
    if (event.type !== 'ended') return
    if (run.stop !== undefined) this.#count(run, event.endedAt)
    else if (this.#isReady && exitCodeOf(event.exit) !== 0) {
      const after = duration(event.endedAt - run.startedAt)
      this.#note(run, 'start', `ended by itself ${after} after its start: ${describeExit(event.exit)}`)
    }
  }

  #note({ id }: Run, rule: 'stop' | 'leftover' | 'start', what: string): void {
    const key = `${rule} ${id}`
    if (!this.#findings.has(key)) this.#findings.set(key, { rule, subject: id, evidence: `${id} ${what}` })
  }

  #count({ id, stop }: Run, endedAt: number): void {
    if (stop === undefined) return
    this.#stops += 1
    const tookMs = Math.max(0, Math.round(endedAt - (stop.killAt - this.#watched.graceOf(id))))
    this.#slowestMs = Math.max(this.#slowestMs ?? 0, tookMs)
  }
}
