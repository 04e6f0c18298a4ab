import type { Health, Run } from '../core/process.ts'
import type { Check } from '../core/rules.ts'
import { bootNow } from './clock.ts'
import { listeningPorts } from './listeners.ts'

/** How soon after its start (ms) it is said what a process is waited for. */
const SAY_REASON_AFTER_MS = 1_000

export interface ProberOptions {
  readonly checksOf: (run: Run) => readonly Check[]
  /** Called with what is known now, only where that has changed. */
  readonly found: (run: Run, health: Health) => void
}

/** Finds out which of the processes that are up are ready. */
export class Prober {
  readonly #options: ProberOptions

  constructor(options: ProberOptions) {
    this.#options = options
  }

  /** Looks at these runs, which are up; when to look again, ms since boot. */
  look(runs: readonly Run[]): number {
    const waiting = runs.filter(({ isProbed, health }) => isProbed && health.readyAt === undefined)
    if (waiting.length === 0) return Infinity
    const now = bootNow()
    const listening = listeningPorts()
    let waitMs = Infinity
    for (const run of waiting) {
      const checks = this.#options.checksOf(run)
      waitMs = Math.min(waitMs, ...checks.map((check) => check.waitMs))
      if (listening.has(run.port)) this.#options.found(run, { readyAt: now })
      else if (run.health.reason === undefined && now - run.startedAt >= SAY_REASON_AFTER_MS)
        this.#options.found(run, { reason: `does not listen on port ${run.port}` })
    }
    return now + waitMs
  }
}
