import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import type { ProcessPlan } from '../core/expand.ts'
import type { JournalEvent } from '../core/journal.ts'
import { outcome } from '../core/outcome.ts'
import type { Desired, Observed, ProcessState, RestartPolicy, Run, Want } from '../core/process.ts'
import { reconcile } from '../core/reconcile.ts'
import { beginOrCarryOn, codeOfReason, generationOf, replace } from '../core/session.ts'
import type { Asked, Ending, Place, Reason, Session, Stage } from '../core/session.ts'
import { bootNow } from './clock.ts'
import { crashPoint } from './crash-points.ts'
import { Ballast } from './descriptors.ts'
import { replaceFile } from './disk.ts'
import { Host } from './host.ts'
import type { Carrier } from './process-table.ts'
import { readSession } from './session-file.ts'
import type { Slots } from './slots.ts'
import { Starter, sameProcess } from './starter.ts'
import type { EnvironmentOf } from './starter.ts'
import type { StateDir } from './state-dir.ts'

/** The longest time between two looks, ms: events are hints, and may be lost. */
const LOOK_EVERY_MS = 1_000
/** npm and its kind hand on a Ctrl-C that the terminal has sent already: within this time, ms, it is the same one. */
const SAME_SIGNAL_MS = 100
/** How often it is said who is waited for, ms. */
const SAY_WAITING_EVERY_MS = 5_000

export interface SupervisorOptions {
  readonly state: StateDir
  /** Loaded from the state directory. */
  readonly slots: Slots
  readonly place: Place
  readonly root: string
  readonly asked: Asked
  readonly policy: RestartPolicy
  readonly stopSignal: string
  readonly graceMs: number
  /** The processes of a stage, or of the formation with the counts given. */
  readonly planOf: (stage: Stage, counts: Session['counts']) => readonly ProcessPlan[]
  readonly readEnvironment: () => EnvironmentOf
  readonly journal: (event: JournalEvent) => void
}

/** How a run of the formation ended: its exit code, why, and what could not be ended. */
export interface RunResult {
  readonly ending: Ending
  readonly survivors: readonly Carrier[]
}

/**
 * The loop: compares what should run with what the directory and the kernel say, and takes the steps
 * between. It decides nothing itself and knows nothing that the next supervisor could not read.
 * Make one only while holding the lock of the state directory.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #slots: Slots
  readonly #host: Host
  readonly #starter: Starter
  /** Of every run of this session, for the last look. */
  readonly #tokens = new Set<string>()
  #session: Session
  #timer: NodeJS.Timeout | undefined
  #wake: () => void = () => {}
  #isChanged = false
  #endingSince = Infinity
  #saidWaiting = -Infinity
  /** The newest run of each process whose end was told. */
  readonly #told = new Map<string, string>()

  constructor(options: SupervisorOptions) {
    const { state, asked, journal, place } = options
    this.#options = options
    this.#slots = options.slots
    this.#slots.onChange(() => this.#change())
    const context = { state, slots: this.#slots, ballast: new Ballast(), journal }
    this.#host = new Host(context)
    for (const run of this.#slots.runs()) if (run.done) this.#told.set(run.id, run.token)
    const id = randomBytes(4).toString('hex')
    const previous = readSession(options, (message) => this.#host.trouble(message))
    const { session, carriedOn } = beginOrCarryOn(
      previous,
      asked,
      { ...place, id },
      this.#slots.newestGenerations(),
    )
    this.#session = session
    const { root: cwd, readEnvironment } = options
    const host = this.#host
    this.#starter = new Starter({ ...context, host, place, session: session.id, cwd, readEnvironment })
    if (carriedOn) this.#carryOn()
    if (session.ending !== undefined) this.#endingSince = bootNow()
    this.#writeSession()
    crashPoint('session:written')
  }

  get session(): Session {
    return this.#session
  }

  /** The runs of this session on record now, newest of each process. */
  runs(): Run[] {
    return this.#slots.runs().filter(({ session }) => session === this.#session.id)
  }

  pathOf(run: Run): string {
    return this.#host.path(run)
  }

  /** Begins the end of the run, or if it is ending, ends the grace periods. */
  end(reason: Reason): void {
    const { ending } = this.#session
    if (ending === undefined) this.#beginEnding({ code: codeOfReason(reason), reason, hurried: false })
    else if (this.#isSecondThought(reason)) this.#write({ ending: { ...ending, hurried: true } })
    this.#change()
  }

  /** The person at the terminal does not want to wait. A terminal that closes says so more than once. */
  #isSecondThought(reason: Reason): boolean {
    if (reason.kind !== 'signal' || reason.signal === 'SIGHUP') return false
    return bootNow() - this.#endingSince >= SAME_SIGNAL_MS
  }

  /** Works until the run is over. */
  async run(): Promise<RunResult> {
    for (;;) {
      this.#isChanged = false
      const wakeAt = await this.#settle()
      if (this.#session.over) break
      if (!this.#isChanged) await this.#sleep(wakeAt)
      this.#look()
    }
    await this.#host.settled()
    const { ending } = this.#session
    if (ending === undefined) throw new Error('a session was over without an ending')
    return { ending, survivors: this.#host.survivors(this.#tokens) }
  }

  /** Takes steps until there is none to take; the time to look again, ms since boot. */
  async #settle(): Promise<number | undefined> {
    for (;;) {
      const desired = this.#desired()
      const observed = this.#slots.observed(desired.wants)
      this.#tell(observed)
      const now = bootNow()
      const next = outcome(this.#session, desired, observed, now)
      if (next?.do === 'over') {
        this.#write({ over: true })
        crashPoint('session:over')
        return undefined
      }
      if (next !== undefined) {
        if (next.do === 'end') this.#beginEnding(next.ending)
        else this.#write({ stages: this.#session.stages.slice(1) })
        continue
      }
      const { actions, wakeAt } = reconcile(desired, observed, now)
      if (actions.length === 0) return wakeAt
      const wants: Want[] = []
      const looks: Run[] = []
      for (const action of actions) {
        if (action.do === 'start') wants.push(action.want)
        else if (action.do === 'look') looks.push(action.run)
        else this.#host.perform(action)
      }
      if (looks.length > 0) this.#host.look(looks)
      if (wants.length > 0) await this.#starter.start(wants)
      for (const { token } of this.runs()) this.#tokens.add(token)
    }
  }

  #desired(): Desired {
    const { policy, stopSignal, graceMs, planOf } = this.#options
    const { ending, stages, counts } = this.#session
    const [stage = 'formation'] = stages
    const plans = ending === undefined ? planOf(stage, counts) : []
    const wants = plans.map((plan): [Run['id'], Want] => [
      plan.id,
      {
        plan,
        generation: generationOf(this.#session, plan.type),
        policy: stage === 'formation' ? policy : { when: 'no' },
      },
    ])
    return { wants: new Map(wants), stopSignal, graceMs, hurried: ending?.hurried ?? false }
  }

  /** Takes over what a killed supervisor left: what was edited since is replaced, the rest goes on. */
  #carryOn(): void {
    const [stage = 'formation'] = this.#session.stages
    const plans = this.#options.planOf(stage, this.#session.counts)
    const edited = plans.flatMap((plan) => {
      const run = this.#slots.run(plan.id)
      return run?.life === 'alive' && !sameProcess(run, plan) ? [plan.type] : []
    })
    this.#session = replace(this.#session, new Set(edited))
    const runs = this.runs()
    for (const { token } of runs) this.#tokens.add(token)
    this.#options.journal({
      type: 'carried-on',
      alive: runs.filter(({ life }) => life === 'alive'),
      ended: runs.filter(({ life, done }) => life === 'dead' && !done),
    })
  }

  #beginEnding(ending: Ending): void {
    this.#write({ ending })
    crashPoint('ending:written')
    this.#endingSince = bootNow()
    const alive = this.runs().flatMap(({ id, life }) => (life === 'alive' ? [id] : []))
    this.#options.journal({ type: 'ending', ending, alive })
  }

  #write(change: Partial<Session>): void {
    this.#session = { ...this.#session, ...change }
    this.#writeSession()
  }

  #writeSession(): void {
    this.#host.persist(() => replaceFile(this.#options.state.session, `${JSON.stringify(this.#session)}\n`))
  }

  /** Tells of the runs that are over since the last time. */
  #tell(observed: Observed): void {
    for (const [id, state] of observed) {
      if (!('run' in state) || !state.run.done || this.#told.get(id) === state.run.token) continue
      this.#told.set(id, state.run.token)
      this.#options.journal(endedEvent(state))
    }
  }

  #look(): void {
    this.#slots.look()
    const { state } = this.#options
    if (statSync(state.session, { throwIfNoEntry: false }) === undefined) {
      this.#host.trouble(
        `the state directory ${state.path} was removed: stopping, since nothing can be kept track of`,
      )
      this.end({ kind: 'state-gone' })
    }
    const now = bootNow()
    const since = Math.max(this.#endingSince, this.#saidWaiting + SAY_WAITING_EVERY_MS - LOOK_EVERY_MS)
    if (now < since + LOOK_EVERY_MS) return
    const runs = this.runs().filter(({ done }) => !done)
    this.#saidWaiting = now
    if (runs.length > 0) this.#options.journal({ type: 'waiting', runs })
  }

  #change(): void {
    this.#isChanged = true
    this.#wake()
  }

  /** The one timer. */
  #sleep(wakeAt: number | undefined): Promise<void> {
    const until = Math.min(wakeAt ?? Infinity, bootNow() + LOOK_EVERY_MS)
    return new Promise<void>((resolve) => {
      this.#wake = resolve
      this.#timer = setTimeout(this.#wake, Math.max(0, until - bootNow()))
    }).then(() => clearTimeout(this.#timer))
  }
}

function endedEvent(state: ProcessState & { run: Run }): JournalEvent {
  const { run } = state
  const exit = run.exit ?? { kind: 'lost', why: 'shim' }
  const next =
    state.phase === 'backoff'
      ? { retryAt: state.retryAt }
      : state.phase === 'exited' || state.phase === 'crashed'
        ? state.phase
        : 'stopped'
  return {
    type: 'ended',
    run,
    exit,
    asked: run.stop !== undefined,
    endedAt: run.endedAt ?? run.startedAt,
    next,
  }
}
