import { begun, ended, examine, timeoutReason, UNTRIED } from '../core/health.ts'
import type { Patient, Trial } from '../core/health.ts'
import type { Health, Run } from '../core/process.ts'
import type { Check } from '../core/rules.ts'
import { bootNow } from './clock.ts'
import { LogSearch } from './log-search.ts'
import type { CommandContext } from './probe-command.ts'
import { Listening, probeListen } from './probe-listen.ts'
import { reasonOf } from './system-error.ts'

export interface ProberOptions {
  readonly checksOf: (run: Run) => readonly Check[]
  /** Called with what is known now, only where that has changed. */
  readonly found: (run: Run, health: Health) => void
  /** Something is known that calls for another look. */
  readonly ring: () => void
  readonly logOf: (run: Run) => string
  /** How a command of a check is run. Errors: what is wrong with the user's files. */
  readonly commandContextOf: (run: Run) => CommandContext
}

/** The checks of one run: tries under way, and what the last ones said. */
interface Care {
  readonly checks: readonly Check[]
  readonly trials: Trial[]
  readonly tries: Map<number, AbortController>
  readonly searches: Map<number, LogSearch>
}

/** Finds out which of the processes that are up are ready, and which are alive. */
export class Prober {
  readonly #options: ProberOptions
  readonly #cares = new Map<string, Care>()
  readonly #listening = new Listening()

  constructor(options: ProberOptions) {
    this.#options = options
  }

  /** Lets go of every run but these: what is under way for others is ended now. */
  retain(runs: readonly Run[]): void {
    if (this.#cares.size === 0) return
    const tokens = new Set(runs.map(({ token }) => token))
    for (const [token, care] of this.#cares) {
      if (tokens.has(token)) continue
      letGo(care)
      this.#cares.delete(token)
    }
  }

  /** Looks at these runs, which are up; when to look again, ms since boot. */
  look(runs: readonly Run[]): number {
    this.#listening.lookAgain()
    let wakeAt = Infinity
    for (const run of runs) {
      const checks = this.#options.checksOf(run)
      if (checks.length > 0 || run.isProbed)
        wakeAt = Math.min(wakeAt, this.#examine(run, this.#careOf(run, checks)))
    }
    return wakeAt
  }

  #examine(run: Run, care: Care): number {
    const patient: Patient = {
      ...care,
      startedAt: run.startedAt,
      health: run.health,
      isListening: ({ probe }) => this.#listening.has(portOf(run, probe)),
    }
    for (;;) {
      const now = bootNow()
      const { begin, overdue, wakeAt, health } = examine(patient, now)
      for (const index of overdue) this.#end(care, index, timeoutReasonOf(care.checks[index]))
      for (const index of begin) this.#begin(run, care, index)
      if (begin.length + overdue.length > 0) continue
      if (!isSame(health, run.health)) this.#options.found(run, health)
      return wakeAt
    }
  }

  #careOf(run: Run, checks: readonly Check[]): Care {
    const known = this.#cares.get(run.token)
    if (known !== undefined && isSame(known.checks, checks)) return known
    if (known !== undefined) letGo(known)
    const trials = checks.map(() => UNTRIED)
    const care: Care = { checks, trials, tries: new Map(), searches: new Map() }
    this.#cares.set(run.token, care)
    return care
  }

  #begin(run: Run, care: Care, index: number): void {
    const check = care.checks[index]
    if (check === undefined) return
    care.trials[index] = begun(care.trials[index] ?? UNTRIED, bootNow())
    const known = this.#answerNow(run, care, index)
    if (known !== undefined) {
      this.#end(care, index, known.reason)
      return
    }
    const abort = new AbortController()
    care.tries.set(index, abort)
    const answered = (reason: string | undefined): void => {
      // Of a try whose time was over, or of a run that is, nobody wants to know any more.
      if (care.tries.get(index) !== abort || abort.signal.aborted) return
      this.#end(care, index, reason)
      this.#options.ring()
    }
    this.#ask(run, check, abort.signal).then(answered, (error: unknown) => answered((error as Error).message))
  }

  /** What can be told without waiting for anybody. */
  #answerNow(run: Run, care: Care, index: number): { readonly reason: string | undefined } | undefined {
    const probe = care.checks[index]?.probe
    if (probe?.by === 'uptime') return { reason: undefined }
    if (probe?.by === 'log') {
      const search = care.searches.get(index) ?? new LogSearch(this.#options.logOf(run), probe.pattern)
      care.searches.set(index, search)
      return { reason: lookedUp(search) }
    }
    if (probe?.by !== 'listen') return undefined
    const port = portOf(run, probe)
    const isThere = this.#listening.has(port)
    if (isThere === undefined) return undefined
    return { reason: isThere ? undefined : `does not listen on port ${port}` }
  }

  // Loaded when somebody has such a check.
  async #ask(run: Run, { probe }: Check, signal: AbortSignal): Promise<string | undefined> {
    const port = portOf(run, probe)
    if (probe.by === 'http') return (await import('./probe-http.ts')).probeHttp(probe, port, signal)
    if (probe.by === 'listen') return probeListen(port, this.#listening, signal)
    if (probe.by !== 'command') return undefined
    const context = this.#options.commandContextOf(run)
    return (await import('./probe-command.ts')).probeCommand(probe.command, context, signal)
  }

  #end(care: Care, index: number, reason: string | undefined): void {
    care.tries.get(index)?.abort()
    care.tries.delete(index)
    care.trials[index] = ended(care.trials[index] ?? UNTRIED, reason, bootNow())
  }
}

/** A log that cannot be read, for want of descriptors or since somebody removed it, is no reason to end. */
function lookedUp(search: LogSearch): string | undefined {
  try {
    return search.look() ? undefined : 'not there yet'
  } catch (error) {
    return reasonOf(error)
  }
}

function letGo({ tries }: Care): void {
  for (const abort of tries.values()) abort.abort()
  tries.clear()
}

function timeoutReasonOf(check: Check | undefined): string {
  return check === undefined ? '' : timeoutReason(check)
}

function portOf(run: Run, probe: Check['probe']): number {
  return ('port' in probe ? probe.port : undefined) ?? run.port
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}
