import type { Finding } from '../core/finding.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { Run } from '../core/process.ts'
import { duration } from './journal-text.ts'

/** Hears how the processes of a proof stop. */
export class StopWatch {
  readonly #findings = new Map<string, Finding>()
  readonly #graceMs: number
  #slowestMs: number | null = null
  #stops = 0

  constructor(graceMs: number) {
    this.#graceMs = graceMs
  }

  /** One of each process and kind: what it does once it does every time. */
  get findings(): Finding[] {
    return [...this.#findings.values()]
  }

  /** ms; null if nothing was told to stop. */
  get slowestMs(): number | null {
    return this.#slowestMs
  }

  get stops(): number {
    return this.#stops
  }

  readonly hear = (event: JournalEvent): void => {
    if (event.type === 'killed')
      this.#note(event.run, 'stop', `did not stop within ${duration(this.#graceMs)}`)
    if (event.type === 'leftovers') {
      const what = event.commands.slice(0, 3).join(', ')
      this.#note(event.run, 'leftover', `ended and left running: ${what}`)
    }
    if (event.type === 'ended' && event.run.stop !== undefined) this.#count(event.run, event.endedAt)
  }

  #note({ id }: Run, rule: 'stop' | 'leftover', what: string): void {
    const key = `${rule} ${id}`
    if (!this.#findings.has(key)) this.#findings.set(key, { rule, subject: id, evidence: `${id} ${what}` })
  }

  #count({ stop }: Run, endedAt: number): void {
    if (stop === undefined) return
    this.#stops += 1
    const tookMs = Math.max(0, Math.round(endedAt - (stop.killAt - this.#graceMs)))
    this.#slowestMs = Math.max(this.#slowestMs ?? 0, tookMs)
  }
}
