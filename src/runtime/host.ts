import { graceOf } from '../core/journal.ts'
import type { Grace, JournalEvent } from '../core/journal.ts'
import type { Action, End, Exit, Health, Run, StopIntent } from '../core/process.ts'
import { withPid } from '../core/survivors.ts'
import type { Acquaintances } from './acquaintances.ts'
import { bootNow } from './clock.ts'
import { crashPoint } from './crash-points.ts'
import type { Ballast } from './descriptors.ts'
import type { Lock } from './lock.ts'
import { carriers, carriersNow } from './process-table.ts'
import type { Carrier } from './process-table.ts'
import { scratchFolders } from './new-run.ts'
import { Removals } from './removals.ts'
import * as directory from './run-directory.ts'
import { appendEnd } from './run-history.ts'
import { findShim } from './shim.ts'
import { signalCarrier, signalGroup, tellGroup } from './signal.ts'
import type { Slots } from './slots.ts'
import type { StateDir } from './state-dir.ts'

/** What the actions need of the world around them. */
export interface HostContext {
  readonly state: StateDir
  readonly lock: Lock
  readonly slots: Slots
  readonly ballast: Ballast
  readonly acquaintances: Acquaintances
  readonly journal: (event: JournalEvent) => void
}

/**
 * Carries out the actions that end things. Each writes its intent before it acts, and what it did after,
 * so that a supervisor that finds it half done does it again.
 */
export class Host {
  readonly #at: HostContext
  readonly #removals = new Removals((path, { message }) => this.trouble(`cannot remove ${path}: ${message}`))
  readonly #troubles = new Set<string>()
  readonly #killed = new Set<string>()
  /** Runs that are over though something of them would not go. */
  readonly #unswept: Run[] = []
  readonly #bornAt = bootNow()

  constructor(context: HostContext) {
    this.#at = context
  }

  perform(action: Exclude<Action, { do: 'start' } | { do: 'look' }>): void {
    const { run } = action
    switch (action.do) {
      case 'stop':
        this.#intend(run, action.intent)
        return crashPoint('stop:intended')
      case 'tell':
        return this.#tell(run, action.signal)
      case 'kill':
        return this.#kill(run, action.killAt)
      case 'tell-leftovers':
        return this.#tellLeftovers(run, action.signal, action.killAt)
      case 'kill-leftovers':
        return this.#killLeftovers(run, action.killAt)
      case 'finish':
        return this.finish(run, action.exit, action.asked)
    }
  }

  /** What is still there of these runs, and of those that were over before everything of them was gone. */
  remaining(runs: readonly Run[]): Carrier[] {
    const all = [...runs, ...this.#unswept]
    return this.#carriersOf(all)
  }

  #carriersOf(runs: readonly Run[]): Carrier[] {
    const tokens = tokensOf(runs)
    const areYounger = runs.every(({ startedAt }) => startedAt >= this.#bornAt)
    const ours = tokensOf(this.#at.slots.runs())
    return carriersNow(tokens, this.#at.acquaintances.known({ tokens, areYounger, ours }))
  }

  /** Looks for processes that carry the tokens of these runs. */
  look(runs: readonly Run[]): void {
    const found = this.#carriersOf(runs)
    for (const run of runs) this.#counted(run, found)
    crashPoint('sweep:looked')
  }

  /** Resolves when nothing is left to remove. */
  async settled(): Promise<void> {
    await this.#removals.done()
  }

  /** Writes to the state directory; whether it could. A disk that refuses is said once; memory goes on without it. */
  persist(write: () => void): boolean {
    // What is under its name now is not ours any more.
    if (this.#at.lock.isRemoved()) return false
    try {
      this.#at.ballast.during(write)
      return true
    } catch (error) {
      this.trouble(`cannot write to the state directory: ${(error as Error).message}`)
      return false
    }
  }

  /** Says what is wrong, each thing once. */
  trouble(message: string): void {
    if (this.#troubles.has(message)) return
    this.#troubles.add(message)
    this.#at.journal({ type: 'trouble', message })
  }

  path(run: Run): string {
    return directory.runPath(this.#at.state, run.id, run.number)
  }

  #tell(run: Run, signal: string): void {
    if (run.pid !== undefined) {
      const sent = tellGroup(run.pid, run.token, signal)
      if (sent === 'refused') this.#at.journal({ type: 'refused', run })
    }
    crashPoint('stop:signalled')
    this.persist(() => directory.writeTold(this.path(run)))
    crashPoint('stop:told')
    this.#at.slots.update(run, { told: true })
  }

  #kill(run: Run, killAt: number): void {
    const now = bootNow()
    const killedAt = Math.round(now)
    const { stop } = run
    // Not of the rounded time: the deadline has its fraction of a millisecond.
    const grace = graceOf(run, stop?.killAt ?? now, now)
    // How long SIGKILL has had no effect is counted from there, also by the next supervisor.
    if (stop !== undefined && killAt < stop.killAt) this.#intend(run, { ...stop, killAt })
    this.persist(() => directory.writeKilled(this.path(run), killedAt))
    crashPoint('kill:marked')
    const pid = run.pid ?? findShim(run.token)
    const isRefused = pid !== undefined && signalGroup(pid, run.token, 'SIGKILL') === 'refused'
    crashPoint('kill:sent')
    this.#at.slots.update(run, { killedAt })
    if (isRefused) this.#at.journal({ type: 'refused', run })
    else this.#sayKilled(run, grace)
  }

  #intend(run: Run, stop: StopIntent): void {
    this.persist(() => directory.writeStop(this.path(run), stop))
    this.#at.slots.update(run, { stop })
  }

  #tellLeftovers(run: Run, signal: string, deadline: number): void {
    this.#allowLeftovers(run, deadline)
    crashPoint('sweep:marked')
    // Who was in the group when it was told has been told.
    const found = this.#signalLeftovers(run, signal, ({ group }) => !(run.told && group === run.pid))
    crashPoint('sweep:told')
    const commands = found.map(withPid)
    if (commands.length > 0) this.#at.journal({ type: 'leftovers', run, commands })
  }

  #allowLeftovers(run: Run, deadline: number): void {
    const leftoversKillAt = Math.round(deadline)
    this.persist(() => directory.writeLeftoversKillAt(this.path(run), leftoversKillAt))
    this.#at.slots.update(run, { leftoversKillAt })
  }

  #signalLeftovers(run: Run, signal: string, isMeant: (carrier: Carrier) => boolean): Carrier[] {
    const found = carriers(new Set([run.token]))
    for (const carrier of found.filter(isMeant)) {
      if (signalCarrier(carrier, signal) === 'refused') this.#at.journal({ type: 'refused', run })
      if (signal !== 'SIGKILL') signalCarrier(carrier, 'SIGCONT')
    }
    this.#counted(run, found)
    return found.filter(isMeant)
  }

  #killLeftovers(run: Run, killAt: number): void {
    const now = bootNow()
    if (killAt < (run.leftoversKillAt ?? killAt)) this.#allowLeftovers(run, killAt)
    const found = this.#signalLeftovers(run, 'SIGKILL', () => true)
    crashPoint('sweep:killed')
    if (found.length > 0) this.#sayKilled(run, graceOf(run, run.leftoversKillAt ?? now, now))
  }

  /** Once for each run, whatever of it had to be killed. */
  #sayKilled(run: Run, grace: Grace): void {
    if (this.#killed.has(run.token)) return
    this.#killed.add(run.token)
    this.#at.journal({ type: 'killed', run, grace })
  }

  #counted(run: Run, found: readonly Carrier[]): void {
    const pids = found.filter(({ token }) => token === run.token).map(({ pid }) => pid)
    this.#at.slots.update(run, { leftovers: { pids, lookedAt: bootNow() } })
  }

  /** Records what the checks of a run say now. */
  recordHealth(run: Run, health: Health): void {
    this.persist(() => directory.writeHealth(this.path(run), health))
    this.#at.slots.update(run, { health })
  }

  /** Records how a run ended, from when on it is over, and removes what was its own. */
  finish(run: Run, exit: Exit, asked: boolean): void {
    const { id, number, generation, startedAt, endedAt = bootNow() } = run
    const end: End = { run: number, generation, exit, startedAt, endedAt, asked, jitter: Math.random() }
    this.persist(() => appendEnd(this.#at.state, id, end))
    crashPoint('finish:recorded')
    this.#at.slots.close(run, end)
    this.#killed.delete(run.token)
    if (run.leftovers !== undefined && run.leftovers.pids.length > 0) this.#unswept.push(run)
    this.#removals.add(run.scratch)
    crashPoint('finish:scratch-removed')
  }

  /** Removes what was to be a run's directory, if it is there. */
  discard(path: string): void {
    this.#removals.add(path)
  }

  /** Removes the scratch directories that a killed supervisor had no time to remove. */
  removeLostScratch(): void {
    const { state, slots } = this.#at
    if (slots.ids().length === 0) return
    const alive = new Set(slots.runs().flatMap(({ life, scratch }) => (life === 'alive' ? [scratch] : [])))
    // Nearly always there is none, and then nobody's runs have to be read.
    if (scratchFolders().every((path) => alive.has(path))) return
    for (const id of slots.ids()) {
      for (const { scratch } of directory.keptSpecs(state, id))
        if (!alive.has(scratch)) this.#removals.add(scratch)
    }
  }

  /** Removes the runs of a process that are too old to be kept, and what an earlier crash left of them. */
  prune(run: Run): void {
    for (const path of directory.oldRuns(this.#at.state, run.id, run.number)) {
      const scratch = directory.readSpec(path)?.scratch
      if (scratch !== undefined) this.#removals.add(scratch)
      this.#removals.add(path)
    }
  }
}

function tokensOf(runs: readonly Run[]): Set<string> {
  return new Set(runs.map(({ token }) => token))
}
