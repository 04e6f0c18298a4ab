import { setImmediate as nextTurn } from 'node:timers/promises'
import { outcome } from '../core/outcome.ts'
import type { Reply, Request } from '../core/protocol.ts'
import type { Action, Observed, Run } from '../core/process.ts'
import { upIn } from '../core/readiness.ts'
import { reconcile } from '../core/reconcile.ts'
import { beginOrCarryOn, codeOfReason, isAtOnce, isSecondThought, replace } from '../core/session.ts'
import type { Ending, Reason, Session } from '../core/session.ts'
import { stagesAfter } from '../core/stages.ts'
import { takeIn } from '../core/taken-in.ts'
import { Alarm } from './alarm.ts'
import { applyCommand } from './apply-command.ts'
import { bootNow } from './clock.ts'
import { crashPoint } from './crash-points.ts'
import type { Definition } from './definition.ts'
import type { ControlServer } from './control-server.ts'
import { isGone } from './disk.ts'
import { watchHealth } from './health-watch.ts'
import { HeldPort } from './held-port.ts'
import { Host } from './host.ts'
import { LogKeeper } from './log-keeper.ts'
import type { Prober } from './prober.ts'
import { Replacer } from './replacer.ts'
import { randomHex } from './random.ts'
import type { RunResult } from './run-result.ts'
import { readSession } from './session-file.ts'
import { NOT_WRITTEN, SessionKeeper } from './session-keeper.ts'
import type { Slots } from './slots.ts'
import { Starter } from './starter.ts'
import type { SupervisorOptions } from './supervisor-options.ts'
import { Tellers } from './tellers.ts'

/** The longest time between two looks, ms: events are hints, and may be lost. */
const LOOK_EVERY_MS = 1_000
/** The longest time between two rounds of comparing everything, ms, which takes most of what an idle supervisor does. */
const COMPARE_EVERY_MS = 10_000

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
  readonly #logs: LogKeeper
  readonly #prober: Prober
  readonly #replacer: Replacer
  readonly #keeper: SessionKeeper
  readonly #port = new HeldPort()
  #session: Session
  #definition: Definition
  readonly #alarm = new Alarm()
  #endingSince = Infinity
  readonly #tellers: Tellers
  #server: ControlServer | undefined

  constructor(options: SupervisorOptions) {
    const { state, lock, asked, journal, place, surroundings } = options
    this.#options = options
    this.#definition = options.definition
    this.#slots = options.slots
    this.#slots.onChange(() => this.#alarm.ring())
    const context = { ...surroundings, state, lock, slots: this.#slots, journal }
    this.#host = new Host(context)
    this.#tellers = new Tellers(this.#slots.runs(), journal)
    const here = { ...place, id: randomHex(4), beganAt: bootNow() }
    const previous = readSession(options, (message) => this.#host.trouble(message))
    const newest = this.#slots.newestGenerations()
    const { session, carriedOn } = beginOrCarryOn(previous, asked, here, newest)
    this.#session = session
    this.#starter = new Starter({
      ...context,
      host: this.#host,
      place,
      session: session.id,
      cwd: options.definition.app.root,
      readEnvironment: () => this.#definition.readEnvironment(),
      socketOf: ({ id }) => this.#port.socketOf(id, this.#definition.app.settings.router),
    })
    this.#logs = new LogKeeper({
      directoryOf: (run) => this.#host.path(run),
      bounds: session.isDetached,
      mostQuiet: surroundings.quietLogs,
      grew: (run) => options.journal({ type: 'wrote', run }),
      trouble: (message) => this.#host.trouble(message),
    })
    const ring = (): void => this.#alarm.ring()
    const watching = { host: this.#host, definition: () => this.#definition, journal, ring }
    this.#prober = watchHealth(watching)
    const replaceThem = (names: readonly string[]): void => this.#write(replace(this.#session, names))
    this.#replacer = new Replacer({ ...watching, except: state.path, replace: replaceThem })
    if (carriedOn && previous !== undefined) this.#carryOn(previous)
    if (session.ending !== undefined) this.#endingSince = bootNow()
    this.#host.removeLostScratch()
    this.#keeper = new SessionKeeper(state, (write) => this.#host.persist(write))
    this.#keeper.begin(this.#session, carriedOn)
    crashPoint('session:written')
  }

  get session(): Session {
    return this.#session
  }

  /** The runs of this session on record now, newest of each process. */
  runs(): Run[] {
    return this.#slots.runs().filter(({ session }) => session === this.#session.id)
  }

  /** Sees to it that it is not cut off from its clients for long. */
  attend(server: ControlServer): void {
    this.#server = server
  }

  /** Begins the end of the run, or if it is ending, ends the grace periods. */
  end(reason: Reason): void {
    const { ending } = this.#session
    if (ending === undefined)
      this.#beginEnding({ code: codeOfReason(reason), reason, hurried: isAtOnce(reason) })
    else if (isSecondThought(reason, bootNow() - this.#endingSince))
      this.#write({ ending: { ...ending, hurried: true } })
    this.#alarm.ring()
  }

  /** Carries out a command: the desired state is on disk before the answer, the work comes after it. */
  apply(request: Request): Reply {
    const applied = applyCommand(request, {
      session: this.#session,
      definition: this.#definition,
      slots: this.#slots,
    })
    if ('ok' in applied) return applied
    if (applied.session !== this.#session && !this.#keeper.offer(applied.session)) return NOT_WRITTEN
    this.#session = applied.session
    this.#definition = applied.definition
    crashPoint('command:written')
    if (applied.endsAll) this.end({ kind: 'asked' })
    this.#alarm.ring()
    return { ok: true, lines: [...applied.lines, ...this.#keeper.warnings()] }
  }

  /** Works until the run is over. */
  async run(): Promise<RunResult> {
    const result = await this.#work(() => false)
    if (result === undefined) throw new Error('a session was over without an ending')
    return result
  }

  /** Works until nothing is on its way any more; the result if the run is over then. */
  async runUntilQuiet(): Promise<RunResult | undefined> {
    const onTheWay = new Set(['starting', 'stopping', 'sweeping'])
    return this.#work(() => ![...this.observed()].some(([, { phase }]) => onTheWay.has(phase)))
  }

  async #work(isEnough: () => boolean): Promise<RunResult | undefined> {
    for (;;) {
      this.#alarm.arm()
      const wakeAt = await this.#settle()
      if (this.#session.over || isEnough()) break
      await this.#rest(wakeAt)
    }
    this.#prober.retain([])
    this.#replacer.close()
    await Promise.all([this.#starter.close(), this.#host.settled()])
    const { ending, over } = this.#session
    return over && ending ? { ending, survivors: this.#host.remaining(this.runs()) } : undefined
  }

  /** Until something has changed or a time has come, ms since boot. */
  async #rest(wakeAt: number): Promise<void> {
    const known = this.#slots.changes
    const longest = this.#session.ending === undefined ? COMPARE_EVERY_MS : LOOK_EVERY_MS
    const until = Math.min(wakeAt, bootNow() + longest)
    do {
      await this.#alarm.wait(Math.min(until, bootNow() + LOOK_EVERY_MS))
      this.#look()
    } while (!this.#alarm.hasRung && this.#slots.changes === known && bootNow() < until)
  }

  /** Takes steps until there is none to take; the time to look again, ms since boot. */
  async #settle(): Promise<number> {
    for (;;) {
      const desired = this.#definition.desired(this.#session)
      const observed = this.observed(desired)
      const up = upIn(desired.wants, observed)
      this.#prober.retain(up)
      this.#port.attend(desired.wants)
      const now = bootNow()
      this.#tellers.tell(desired, observed, now)
      const next = outcome(this.#session, desired, observed, now)
      if (next?.do === 'over') {
        this.#write({ over: true })
        crashPoint('session:over')
        return Infinity
      }
      if (next !== undefined) {
        if (next.do === 'end') this.#beginEnding(next.ending)
        else this.#write({ stages: stagesAfter(this.#session) })
        continue
      }
      const { actions, wakeAt = Infinity } = reconcile(desired, observed, now)
      if (actions.length === 0) {
        const lookAt = this.#prober.look(up)
        const replaceAt = this.#replacer.look({ session: this.#session, desired, observed }, now)
        if (replaceAt > now) return Math.min(wakeAt, lookAt, replaceAt)
        continue
      }
      await this.#perform(actions)
      // Signals and commands get their turn, however much there is to do, and what ends now is looked for together.
      await nextTurn()
    }
  }

  async #perform(actions: readonly Action[]): Promise<void> {
    const wants = actions.flatMap((action) => (action.do === 'start' ? [action.want] : []))
    const looks = actions.flatMap((action) => (action.do === 'look' ? [action.run] : []))
    for (const action of actions)
      if (action.do !== 'start' && action.do !== 'look') this.#host.perform(action)
    if (looks.length > 0) this.#host.look(looks)
    if (wants.length > 0) await this.#starter.start(wants)
  }

  /** The phase of every process, as far as it is known now. */
  observed({ wants } = this.#definition.desired(this.#session)): Observed {
    return this.#slots.observed((id) => wants.get(id)?.policy)
  }

  /** Takes over what a killed supervisor left; with a start, what was edited since is replaced. */
  #carryOn(previous: Session): void {
    const runs = this.runs()
    const found = { runs: this.#slots.runs(), plans: this.#definition.wanted(this.#session) }
    const taken = this.#options.asked.isRevival === true ? undefined : takeIn(this.#session, previous, found)
    this.#session = taken?.session ?? this.#session
    this.#starter.standBy()
    this.#options.journal({
      type: 'carried-on',
      alive: runs.filter(({ life }) => life === 'alive'),
      ended: runs.filter(({ life, done }) => life === 'dead' && !done),
    })
    for (const change of taken?.lines ?? []) this.#options.journal({ type: 'taken-in', change })
  }

  #beginEnding(ending: Ending): void {
    this.#write({ ending })
    crashPoint('ending:written')
    this.#endingSince = bootNow()
    void this.#starter.close()
    const alive = this.runs().flatMap(({ id, life }) => (life === 'alive' ? [id] : []))
    this.#options.journal({ type: 'ending', ending, alive })
  }

  #write(change: Partial<Session>): void {
    this.#session = { ...this.#session, ...change }
    this.#keeper.keep(this.#session)
  }

  #look(): void {
    const { state, lock } = this.#options
    const isOurs = !lock.isRemoved()
    this.#slots.look(isOurs)
    this.#keeper.catchUp(this.#session)
    const running = this.runs().filter(({ done }) => !done)
    this.#host.persist(() => this.#logs.look(running, bootNow()))
    if (!isOurs || isGone(state.session)) {
      this.#host.trouble(
        `the state directory ${state.path} was removed: stopping, since nothing is kept track of`,
      )
      this.end({ kind: 'state-gone' })
    }
    if (isOurs) this.#host.persist(() => this.#server?.look())
    this.#tellers.tellWaiting(this.#endingSince, this.runs())
  }
}
