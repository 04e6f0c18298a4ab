import { restart, scale, stop, targetsOf, withoutStopped } from '../../src/core/edit.ts'
import { exitFromStatus } from '../../src/core/exit.ts'
import type { ProcessPlan } from '../../src/core/expand.ts'
import { processId } from '../../src/core/names.ts'
import type { ProcessId } from '../../src/core/names.ts'
import { observe } from '../../src/core/observe.ts'
import { outcome } from '../../src/core/outcome.ts'
import type {
  Action,
  Desired,
  End,
  Observed,
  ProcessState,
  RestartPolicy,
  Run,
  Slot,
  Want,
} from '../../src/core/process.ts'
import { reconcile } from '../../src/core/reconcile.ts'
import { decodeSession } from '../../src/core/session-record.ts'
import { beginOrCarryOn, codeOfReason, generationOf, isAtOnce, replace } from '../../src/core/session.ts'
import type { Ending, Reason, Session } from '../../src/core/session.ts'
import { runOf } from './runs.ts'

/**
 * A host with no processes in it: a disk and a kernel made of values, and a supervisor that takes the steps
 * of the real one (src/runtime/{supervisor,slots,host,starter}.ts) in the same order, pausing wherever the
 * real one could be killed. Times are ms since boot.
 */

const HERE = { bootId: 'this boot', pidNamespace: 'pid:[1]', beganAt: 0 }
const LEAVE: RestartPolicy = { when: 'no' }
/** Of the Procfile. */
const TYPES = ['web', 'worker']

/** A descendant of a command that does not end with it. */
export interface Child {
  /** It has a process group of its own. */
  readonly escaped: boolean
  readonly ignoresTerm: boolean
  readonly lives: number
  /** When it ends it leaves one more, that ignores SIGTERM. */
  readonly heir: boolean
}

/** What one run of a process does. */
export interface Behaviour {
  /** From the fork until its pid is on disk. */
  readonly pidAfter: number
  /** How long it lives when nobody ends it. */
  readonly lives: number
  /** The status it ends with by itself. */
  readonly status: number
  readonly ignoresTerm: boolean
  readonly termTakes: number
  readonly killTakes: number
  /** From the status on disk to the end of the shim. */
  readonly shimTakes: number
  readonly children: readonly Child[]
  /** Somebody else's kill -9. */
  readonly shot: { readonly after: number; readonly what: 'shim' | 'command' | 'group' } | undefined
}

/** A time in which the kernel or the disk refuses to start anything. */
export interface Refusal {
  readonly from: number
  readonly to: number
  /** Before the directory of the run has its name, or at the fork. */
  readonly where: 'prepare' | 'spawn'
}

interface Process {
  readonly pid: number
  readonly group: number
  readonly role: 'shim' | 'command' | 'child'
  readonly directory: Directory
  readonly ignoresTerm: boolean
  readonly hasHeir: boolean
  diesAt: number
  status: number
  /** Only of a shim. */
  writesPidAt: number
  terms: number
}

/** A run's directory, file by file. */
interface Directory {
  readonly spec: Pick<
    Run,
    | 'id'
    | 'number'
    | 'generation'
    | 'session'
    | 'command'
    | 'port'
    | 'token'
    | 'scratch'
    | 'startedAt'
    | 'startedWall'
  >
  readonly bootId: string
  readonly behaviour: Behaviour
  pid: number | undefined
  exit: { readonly status: number; readonly at: number } | undefined
  stop: Run['stop']
  told: boolean
  killedAt: number | undefined
  leftoversKillAt: number | undefined
}

/** What no supervisor sees: how the runs of a process really went. */
interface Truth {
  readonly generation: number
  readonly startedAt: number
  readonly directory: Directory | undefined
  endedAt: number
}

export interface HostOptions {
  /** Of the first start, the second, and so on; the last one of every later start. */
  readonly behaviours: readonly Behaviour[]
  readonly refusals: readonly Refusal[]
  readonly policy: RestartPolicy
  readonly graceMs: number
  /** Every step that can be seen from outside takes so long. */
  readonly stepTakes: number
}

function must(rule: boolean, broken: string): void {
  if (!rule) throw new Error(broken)
}

/** The disk and the kernel: what outlives a supervisor. It throws when a safety rule is broken. */
export class FakeHost {
  now = 1_000
  readonly options: HostOptions
  session: string | undefined
  counts: Readonly<Record<string, number>> = {}
  supervisorsKilled = 0
  readonly directories = new Map<ProcessId, Directory[]>()
  readonly histories = new Map<ProcessId, End[]>()
  readonly #truths = new Map<ProcessId, Truth[]>()
  /** Their ends are what wakes a supervisor. */
  lifelinesEnded = 0
  #processes: Process[] = []
  #serial = 100
  #starts = 0

  constructor(options: HostOptions) {
    this.options = options
  }

  // The kernel.

  isHeld(directory: Directory): boolean {
    return this.#processes.some((one) => one.directory === directory && one.role === 'shim')
  }

  carriers(token: string): readonly { readonly pid: number; readonly group: number }[] {
    return this.#processes.filter(({ directory }) => directory.spec.token === token)
  }

  /** Everything alive that any run started. */
  get alive(): readonly { readonly directory: Directory }[] {
    return this.#processes
  }

  /** When something next happens by itself. */
  get nextEventAt(): number {
    let next = Infinity
    for (const { diesAt, writesPidAt } of this.#processes) next = Math.min(next, diesAt, writesPidAt)
    return next
  }

  advance(to: number): void {
    for (let at = this.nextEventAt; at <= to; at = this.nextEventAt) {
      this.now = Math.max(this.now, at)
      for (const one of this.#processes) {
        if (one.writesPidAt <= at) {
          one.writesPidAt = Infinity
          one.directory.pid = one.pid
        }
      }
      for (const one of this.#processes.filter(({ diesAt }) => diesAt <= at)) this.#die(one)
    }
    this.now = Math.max(this.now, to)
  }

  /** Time passes until then or until a lifeline ends; false if neither will ever be. */
  sleep(until: number): boolean {
    const { lifelinesEnded } = this
    while (this.nextEventAt <= until && this.lifelinesEnded === lifelinesEnded) {
      if (this.nextEventAt === Infinity) return false
      this.advance(this.nextEventAt)
    }
    if (this.lifelinesEnded !== lifelinesEnded) return true
    if (until < Infinity) this.advance(until)
    return until < Infinity
  }

  isRefusing(where: Refusal['where']): boolean {
    const { now } = this
    return this.options.refusals.some((one) => one.where === where && one.from <= now && now < one.to)
  }

  /** The fork. From here on the shim holds the lifeline. */
  spawn(directory: Directory): void {
    const { id, generation, token } = directory.spec
    for (const { directory: other } of this.#processes)
      must(other.spec.id !== id, `${id} was started while run ${other.spec.number} of it lives`)
    this.#mustBePaced(id, generation)
    const { behaviour } = directory
    const { lives, shot } = behaviour
    const pid = (this.#serial += 1)
    // The pid is the first thing a shim writes, the command comes after.
    const began = this.now + behaviour.pidAfter
    const make = (role: Process['role'], group: number, diesAt: number, more?: Child): Process => ({
      pid: role === 'shim' ? pid : (this.#serial += 1),
      group,
      role,
      directory,
      ignoresTerm: (more ?? behaviour).ignoresTerm,
      hasHeir: more?.heir === true,
      diesAt,
      status: behaviour.status,
      writesPidAt: role === 'shim' ? began : Infinity,
      terms: 0,
    })
    const shim = make('shim', pid, Infinity)
    const command = make('command', pid, began + lives)
    const children = behaviour.children.map((child) => {
      const group = child.escaped ? (this.#serial += 1) : pid
      return make('child', group, began + child.lives, child)
    })
    if (shot !== undefined) {
      const at = this.now + shot.after
      const isHit = { shim: [shim], command: [command], group: [shim, command, ...children] }[shot.what]
      for (const one of isHit) if (one.group === pid) this.#end(one, at, 137)
    }
    this.#processes.push(shim, command, ...children)
    must(this.carriers(token).length === children.length + 2, `the token of ${id} was used before`)
    this.#truth(id).push({ generation, startedAt: this.now, endedAt: Infinity, directory })
  }

  signalGroup(pid: number, token: string, signal: string): void {
    const members = this.#processes.filter(({ group }) => group === pid)
    if (members.some(({ directory }) => directory.spec.token === token))
      for (const one of members) this.#signal(one, signal)
  }

  signalOne(pid: number, signal: string): void {
    for (const one of this.#processes) if (one.pid === pid) this.#signal(one, signal)
  }

  #signal(one: Process, signal: string): void {
    const { directory } = one
    const { id, number } = directory.spec
    must(!this.#isDone(directory), `${signal} was sent to run ${number} of ${id}, which is done`)
    if (signal === 'SIGKILL') return this.#end(one, this.now + directory.behaviour.killTakes, 137)
    if (one.role === 'shim') return
    one.terms += 1
    must(one.terms <= 1 + this.supervisorsKilled, `a process of ${id} was sent ${signal} ${one.terms} times`)
    if (!one.ignoresTerm) this.#end(one, this.now + directory.behaviour.termTakes, 143)
  }

  #end(one: Process, at: number, status: number): void {
    if (at >= one.diesAt) return
    one.diesAt = at
    one.status = status
  }

  #die(one: Process): void {
    const { directory, role, group } = one
    this.#processes = this.#processes.filter((other) => other !== one)
    if (role === 'shim') {
      this.lifelinesEnded += 1
      const isUnborn = one.writesPidAt < Infinity
      if (isUnborn) this.#processes = this.#processes.filter((other) => other.directory !== directory)
    }
    if (role === 'command') {
      const shim = this.#processes.find((other) => other.directory === directory && other.role === 'shim')
      if (shim !== undefined) {
        directory.exit = { status: one.status, at: this.now }
        this.#end(shim, this.now + directory.behaviour.shimTakes, one.status)
      }
    }
    if (role !== 'child') {
      const truth = this.#truth(directory.spec.id).find((other) => other.directory === directory)
      if (truth !== undefined) truth.endedAt = Math.min(truth.endedAt, this.now)
    }
    if (one.hasHeir && this.now >= directory.spec.startedAt + directory.behaviour.pidAfter) {
      const pid = (this.#serial += 1)
      const heir = { pid, group, directory, role: 'child', ignoresTerm: true, hasHeir: false } as const
      this.#processes.push({ ...heir, diesAt: Infinity, status: 0, writesPidAt: Infinity, terms: 0 })
    }
  }

  // The disk.

  nextBehaviour(): Behaviour {
    const { behaviours } = this.options
    const behaviour = behaviours[Math.min(this.#starts, behaviours.length - 1)]
    if (behaviour === undefined) throw new Error('a host needs a behaviour')
    this.#starts += 1
    return behaviour
  }

  get starts(): number {
    return this.#starts
  }

  token(): string {
    return (this.#serial += 1).toString(16).padStart(16, '0')
  }

  publish(directory: Directory): void {
    const { id, number } = directory.spec
    const runs = this.directories.get(id) ?? []
    must((runs.at(-1)?.spec.number ?? 0) < number, `run ${number} of ${id} was made twice`)
    this.directories.set(id, [...runs, directory].slice(-3))
  }

  /** A run that another boot of the machine left behind. */
  publishOfAnotherBoot(id: ProcessId, behaviour: Behaviour): void {
    const startedAt = 500
    const spec = {
      id,
      number: 1,
      generation: 4,
      session: 'other',
      command: 'x',
      port: 5000,
      startedAt,
      startedWall: 0,
    }
    const token = this.token()
    this.publish({ ...emptyDirectory({ ...spec, token, scratch: token }, behaviour), bootId: 'another boot' })
  }

  directoryOf(run: Run): Directory {
    const found = this.directories.get(run.id)?.find(({ spec }) => spec.token === run.token)
    if (found === undefined) throw new Error(`run ${run.number} of ${run.id} has no directory`)
    return found
  }

  record(id: ProcessId, end: End): void {
    const ends = this.histories.get(id) ?? []
    must(!ends.some(({ run }) => run === end.run), `the end of run ${end.run} of ${id} was recorded twice`)
    this.histories.set(id, [...ends, end])
    const { generation, startedAt, endedAt, exit, asked } = end
    // What was refused before it had a directory is paced by the history alone.
    const isNamed = this.directories.get(id)?.at(-1)?.spec.number === end.run
    if (exit.kind === 'unstarted' && !asked && isNamed) {
      this.#truth(id).push({ generation, startedAt, endedAt, directory: undefined })
    }
  }

  /** What is allowed to be done with a run at all. */
  mustBeOurs({ do: what, run }: Exclude<Action, { do: 'start' }>): void {
    const directory = this.directoryOf(run)
    const name = `run ${run.number} of ${run.id}`
    must(this.directories.get(run.id)?.at(-1) === directory, `${what} for ${name}, which is not its newest`)
    must(!this.#isDone(directory), `${what} for ${name}, which is done`)
    const isForeign = directory.bootId !== HERE.bootId
    must(!isForeign || what === 'finish', `${what} for ${name}, which is of another boot`)
    if (what !== 'finish') return
    must(this.carriers(run.token).length === 0, `${name} was finished while processes of it live`)
  }

  #isDone({ spec }: Directory): boolean {
    return this.histories.get(spec.id)?.some(({ run }) => run === spec.number) === true
  }

  #truth(id: ProcessId): Truth[] {
    const truths = this.#truths.get(id) ?? []
    this.#truths.set(id, truths)
    return truths
  }

  /** Ends in a row are followed by 0, 0, 1, 2, 4 ... 60 s, however many supervisors saw them. */
  #mustBePaced(id: ProcessId, generation: number): void {
    // Of a shim that was killed before its first act nobody knows that it ever was.
    const isKnown = ({ directory: d }: Truth): boolean => d?.pid !== undefined || d?.stop !== undefined
    const truths = this.#truth(id).filter((one) => one.directory === undefined || isKnown(one))
    const last = truths.at(-1)
    let streak = last?.directory === undefined ? 1 : 0
    for (const truth of truths.toReversed()) {
      if (truth.generation !== generation || truth.directory?.stop !== undefined) break
      // Of a run whose shim was killed nobody knows when it ended, only when that was seen.
      const number = truth.directory?.spec.number
      const end = this.histories.get(id)?.find(({ run }) => run === number)
      if ((end?.endedAt ?? truth.endedAt) - truth.startedAt >= 60_000) break
      streak += 1
    }
    const delay = streak < 2 ? 0 : Math.min(2 ** (streak - 2), 60) * 1_000
    if (last === undefined || last.generation !== generation || streak === 0) return
    const waited = this.now - last.endedAt
    must(waited >= delay, `${id} was restarted ${waited} ms after ${streak} short runs in a row`)
  }
}

function emptyDirectory(spec: Directory['spec'], behaviour: Behaviour): Directory {
  const nothing = { pid: undefined, exit: undefined, stop: undefined, told: false }
  return { spec, bootId: HERE.bootId, behaviour, ...nothing, killedAt: undefined, leftoversKillAt: undefined }
}

/** What a supervisor knows that has just come to be. */
export function readSlots(host: FakeHost): Map<ProcessId, Slot> {
  const slots = new Map<ProcessId, Slot>()
  for (const id of new Set([...host.directories.keys(), ...host.histories.keys()])) {
    const ends = host.histories.get(id) ?? []
    const directory = host.directories.get(id)?.at(-1)
    slots.set(id, { run: directory && readRun(host, directory, ends), ends })
  }
  return slots
}

function readRun(host: FakeHost, directory: Directory, ends: readonly End[]): Run {
  const { spec, pid, exit, stop, told, killedAt, leftoversKillAt } = directory
  const found: Run = {
    ...spec,
    exit: exit && exitFromStatus(exit.status),
    endedAt: exit?.at,
    pid,
    stop,
    isProbed: false,
    health: {},
    drained: false,
    told,
    killedAt,
    leftoversKillAt,
    leftovers: undefined,
    life: host.isHeld(directory) ? 'alive' : 'dead',
    done: ends.some(({ run }) => run === spec.number),
  }
  if (found.done || directory.bootId === HERE.bootId) return found
  const lost = { kind: 'lost', why: 'reboot' } as const
  return { ...found, exit: lost, endedAt: found.startedAt, leftovers: { pids: [], lookedAt: 0 } }
}

/** A change of what is wanted, by a person. */
export type Change =
  | { readonly kind: 'scale'; readonly words: readonly string[] }
  | { readonly kind: 'restart' | 'stop'; readonly words: readonly string[] }
  | { readonly kind: 'replace'; readonly type: string }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'asked' }

/** A place where the supervisor could be killed, or the time until which it sleeps. */
export type Step = string | { readonly sleepUntil: number }

function planOf(type: string, instance: number): ProcessPlan {
  return {
    id: processId(type, instance),
    type,
    instance,
    port: 5_000 + 100 * type.length + instance,
    command: type,
  }
}

/** Called whenever a plan was made, before it is carried out. */
export type OnPlan = (supervisor: FakeSupervisor, desired: Desired, observed: Observed) => void

/** The loop of the real supervisor, one visible step at a time. */
export class FakeSupervisor {
  readonly host: FakeHost
  readonly slots: Map<ProcessId, Slot>
  readonly #onPlan: OnPlan
  session: Session

  constructor(host: FakeHost, onPlan: OnPlan, isRevival = false) {
    this.host = host
    this.#onPlan = onPlan
    this.slots = readSlots(host)
    const previous = host.session === undefined ? undefined : decodeSession(host.session)
    const newest: Record<string, number> = {}
    for (const [id, { run, ends }] of this.slots) {
      const type = typeOf(id)
      newest[type] = Math.max(newest[type] ?? 0, run?.generation ?? 0, ends.at(-1)?.generation ?? 0)
    }
    const started = {
      types: [],
      counts: host.counts,
      stages: ['formation'] as const,
      isDetached: false,
      hasRouter: false,
      flags: {},
    }
    const asked = { ...started, isRevival }
    const here = { ...HERE, id: `session of ${host.now}` }
    this.session = beginOrCarryOn(previous, asked, here, newest).session
    this.#write({})
  }

  /** A person asks for something; it is on disk when this returns. What cannot be changes nothing. */
  change(change: Change): void {
    switch (change.kind) {
      case 'scale': {
        const edited = scale(this.session, change.words, TYPES)
        if ('problems' in edited) return
        this.host.counts = edited.session.counts
        return this.#write(edited.session)
      }
      case 'restart':
        return this.#write(restart(this.session, this.#targets(change.words)))
      case 'stop':
        return this.#write(stop(this.session, this.#targets(change.words)).session)
      case 'replace':
        return this.#write(replace(this.session, [change.type]))
      case 'signal':
      case 'asked':
        return this.#end(change)
    }
  }

  #targets(words: readonly string[]): readonly ProcessId[] {
    const targets = targetsOf(words, this.session, TYPES)
    return 'problems' in targets ? [] : targets.ids
  }

  /** Only a person at the terminal does not want to wait. */
  #end(reason: Reason & { kind: 'signal' | 'asked' }): void {
    const { ending } = this.session
    if (ending === undefined) {
      this.#write({ ending: { code: codeOfReason(reason), reason, hurried: isAtOnce(reason) } })
    } else if (reason.kind === 'signal') this.#write({ ending: { ...ending, hurried: true } })
  }

  desired(): Desired {
    const { policy, graceMs } = this.host.options
    const { ending, counts } = this.session
    const plans = Object.entries(ending === undefined ? counts : {}).flatMap(([type, count]) =>
      Array.from({ length: count }, (_, index) => planOf(type, index + 1)),
    )
    const wants = withoutStopped(plans, this.session).map((plan): [ProcessId, Want] => {
      const generation = generationOf(this.session, plan.type, plan.id)
      return [plan.id, { plan, generation, policy }]
    })
    return {
      wants: new Map(wants),
      stops: new Map(),
      stop: { signal: 'SIGTERM', graceMs, drainMs: 0 },
      hurried: ending?.hurried ?? false,
    }
  }

  /** Whether every event there was has been seen. */
  get isCurrent(): boolean {
    for (const { run } of this.slots.values())
      if (run?.life === 'alive' && !this.host.isHeld(this.host.directoryOf(run))) return false
    return true
  }

  *run(): Generator<Step, Ending> {
    for (;;) {
      this.#look()
      const desired = this.desired()
      const observed = observeAll(this.slots, desired)
      const { now } = this.host
      this.#onPlan(this, desired, observed)
      const next = outcome(this.session, desired, observed, now)
      if (next?.do === 'over') {
        this.#write({ over: true })
        return this.session.ending as Ending
      }
      if (next?.do === 'end') {
        this.#write({ ending: next.ending })
        yield 'ending:written'
        continue
      }
      const { actions, wakeAt } = reconcile(desired, observed, now)
      if (actions.length === 0) {
        must(wakeAt === undefined || wakeAt > now, 'it wants to be woken in the past')
        yield { sleepUntil: wakeAt ?? Infinity }
        continue
      }
      for (const action of actions) {
        if (action.do === 'start' || action.do === 'look') continue
        this.host.mustBeOurs(action)
        yield* this.#perform(action)
      }
      for (const action of actions) if (action.do === 'look') yield* this.#count(action)
      yield* this.#start(actions.flatMap((action) => (action.do === 'start' ? [action.want] : [])))
    }
  }

  *#perform(action: Exclude<Action, { do: 'start' } | { do: 'look' }>): Generator<Step, void> {
    const { host } = this
    const { run } = action
    const directory = host.directoryOf(run)
    switch (action.do) {
      case 'stop':
        directory.stop = action.intent
        yield 'stop:intended'
        return this.#update(run, { stop: action.intent })
      case 'tell':
        if (run.pid !== undefined) host.signalGroup(run.pid, run.token, action.signal)
        yield 'stop:signalled'
        directory.told = true
        yield 'stop:told'
        return this.#update(run, { told: true })
      case 'kill': {
        const killedAt = host.now
        if (run.stop !== undefined && action.killAt < run.stop.killAt) {
          directory.stop = { ...run.stop, killAt: action.killAt }
          this.#update(run, { stop: directory.stop })
        }
        directory.killedAt = killedAt
        yield 'kill:marked'
        const shim = host.carriers(run.token).find(({ pid, group }) => pid === group)
        const pid = run.pid ?? shim?.pid
        if (pid !== undefined) host.signalGroup(pid, run.token, 'SIGKILL')
        yield 'kill:sent'
        return this.#update(run, { killedAt })
      }
      case 'tell-leftovers': {
        directory.leftoversKillAt = action.killAt
        yield 'sweep:marked'
        this.#update(run, { leftoversKillAt: action.killAt })
        this.#signalLeftovers(run, action.signal, (group) => !(run.told && group === run.pid))
        yield 'sweep:told'
        return
      }
      case 'kill-leftovers':
        directory.leftoversKillAt = Math.min(directory.leftoversKillAt ?? action.killAt, action.killAt)
        this.#update(run, { leftoversKillAt: directory.leftoversKillAt })
        this.#signalLeftovers(run, 'SIGKILL', () => true)
        yield 'sweep:killed'
        return
      case 'finish':
        return yield* this.#finish(action)
    }
  }

  *#finish({ run, exit, asked }: Action & { do: 'finish' }): Generator<Step, void> {
    const { id, number, generation, startedAt, endedAt = this.host.now } = run
    const jitter = (number % 5) / 5
    const end: End = { run: number, generation, exit, startedAt, endedAt, asked, jitter }
    this.host.record(id, end)
    yield 'finish:recorded'
    this.#close(run, end)
  }

  *#count(action: Action & { do: 'look' }): Generator<Step, void> {
    this.host.mustBeOurs(action)
    this.#counted(action.run)
    yield 'sweep:looked'
  }

  #signalLeftovers(run: Run, signal: string, isMeant: (group: number) => boolean): void {
    const found = this.host.carriers(run.token)
    for (const { pid, group } of found) if (isMeant(group)) this.host.signalOne(pid, signal)
    this.#counted(
      run,
      found.map(({ pid }) => pid),
    )
  }

  #counted(run: Run, pids = this.host.carriers(run.token).map(({ pid }) => pid)): void {
    this.#update(run, { leftovers: { pids, lookedAt: this.host.now } })
  }

  *#start(wants: readonly Want[]): Generator<Step, void> {
    if (wants.length === 0) return
    const { host } = this
    const runs = wants.map((want) => this.#plan(want))
    yield 'start:directory-made'
    if (host.isRefusing('prepare')) return runs.forEach((run) => this.#refuse(run))
    for (const run of runs) {
      const { id, number, generation, session, command, port, token, scratch, startedAt, startedWall } = run
      const spec = { id, number, generation, session, command, port, token, scratch, startedAt, startedWall }
      const directory = emptyDirectory(spec, host.nextBehaviour())
      host.publish(directory)
      yield 'start:named'
      if (host.isRefusing('spawn')) {
        this.#refuse(run)
        continue
      }
      host.spawn(directory)
      yield 'start:spawned'
      this.slots.set(id, { run, ends: this.slots.get(id)?.ends ?? [] })
    }
    yield 'start:all'
  }

  #plan({ plan, generation }: Want): Run {
    const { id, command, port } = plan
    const slot = this.slots.get(id)
    const number = Math.max(slot?.run?.number ?? 0, slot?.ends.at(-1)?.run ?? 0) + 1
    const token = this.host.token()
    return runOf({
      id,
      number,
      generation,
      session: this.session.id,
      command,
      port,
      token,
      scratch: token,
      startedAt: this.host.now,
      pid: undefined,
    })
  }

  #refuse(run: Run): void {
    const { id, number, generation, startedAt } = run
    const exit = { kind: 'unstarted', message: 'too many open files', again: true } as const
    const times = { startedAt, endedAt: this.host.now }
    const end: End = { run: number, generation, exit, ...times, asked: false, jitter: 0.5 }
    this.slots.set(id, { run: { ...run, life: 'dead' }, ends: this.slots.get(id)?.ends ?? [] })
    this.host.record(id, end)
    this.#close(run, end)
  }

  #close(run: Run, end: End): void {
    const ends = [...(this.slots.get(run.id)?.ends ?? []), end]
    const over = { life: 'dead', done: true, exit: end.exit, endedAt: end.endedAt } as const
    this.slots.set(run.id, { run: { ...run, ...over }, ends })
  }

  /** Sees what has happened since the last look. */
  #look(): void {
    for (const { run } of this.slots.values()) {
      if (run === undefined || run.life === 'dead') continue
      const directory = this.host.directoryOf(run)
      const pid = run.pid ?? directory.pid
      if (this.host.isHeld(directory)) {
        if (pid !== run.pid) this.#update(run, { pid })
        continue
      }
      const { exit } = directory
      const how = exit === undefined ? {} : { exit: exitFromStatus(exit.status) }
      this.#update(run, { pid, life: 'dead', ...how, endedAt: exit?.at ?? this.host.now })
    }
  }

  #update(run: Run, change: Partial<Run>): void {
    const slot = this.slots.get(run.id)
    if (slot?.run?.token === run.token) this.slots.set(run.id, { ...slot, run: { ...slot.run, ...change } })
  }

  #write(change: Partial<Session>): void {
    this.session = { ...this.session, ...change }
    this.host.session = JSON.stringify(this.session)
  }
}

export function observeAll(slots: ReadonlyMap<ProcessId, Slot>, { wants }: Desired): Observed {
  const observed = new Map<ProcessId, ProcessState>()
  for (const [id, slot] of slots) observed.set(id, observe(slot, wants.get(id)?.policy ?? LEAVE))
  return observed
}

export function typeOf(id: ProcessId): string {
  return id.slice(0, id.lastIndexOf('.'))
}

/** One story: what is wanted when, and how often the supervisor is killed while it works. */
export interface Story extends HostOptions {
  readonly counts: Readonly<Record<string, number>>
  readonly leftByAnotherBoot: boolean
  /** In order; each so long after the one before. */
  readonly changes: readonly { readonly after: number; readonly change: Change }[]
  /**
   * The supervisor is killed after so many steps, and its next one comes `down` ms later: by another `start`,
   * or revived by whoever finds it dead.
   */
  readonly kills: readonly { readonly steps: number; readonly down: number; readonly isRevival: boolean }[]
}

/** How a story went. */
export interface Told {
  readonly host: FakeHost
  readonly supervisor: FakeSupervisor
  /** The last change was made then. */
  readonly changedAt: number
  readonly endingAt: number
  readonly hurriedAt: number
  readonly isOver: boolean
}

/** More than any story needs: a supervisor that takes them all goes round in circles. */
const MOST_STEPS = 20_000

/** Plays a story until the run is over, or until nothing can happen any more. */
export function play(story: Story, onPlan: OnPlan): Told {
  const host = new FakeHost(story)
  host.counts = story.counts
  const [behaviour] = story.behaviours
  if (story.leftByAnotherBoot && behaviour) host.publishOfAnotherBoot('web.1', behaviour)
  let supervisor = new FakeSupervisor(host, onPlan)
  let steps = supervisor.run()
  const changes = [...story.changes]
  const kills = [...story.kills]
  let taken = 0
  let [changedAt, endingAt, hurriedAt] = [host.now, Infinity, Infinity]
  let isOver = false
  for (let count = 0; ; count += 1) {
    must(count < MOST_STEPS, 'it goes round in circles')
    if (kills[0] !== undefined && taken >= kills[0].steps) {
      host.supervisorsKilled += 1
      taken = 0
      host.advance(host.now + kills[0].down)
      supervisor = new FakeSupervisor(host, onPlan, kills.shift()?.isRevival)
      steps = supervisor.run()
    }
    const { value: step, done } = steps.next()
    if (supervisor.session.ending !== undefined) endingAt = Math.min(endingAt, host.now)
    if (done === true) {
      isOver = true
      break
    }
    taken += 1
    if (typeof step !== 'object' || !('sleepUntil' in step)) {
      host.advance(host.now + story.stepTakes)
      continue
    }
    const [next] = changes
    const changeAt = next === undefined ? Infinity : changedAt + next.after
    const wakeAt = Math.max(host.now, Math.min(step.sleepUntil, changeAt))
    if (!host.sleep(wakeAt)) break
    if (next === undefined || changeAt > host.now) continue
    changes.shift()
    changedAt = host.now
    supervisor.change(next.change)
    if (supervisor.session.ending?.hurried === true) hurriedAt = Math.min(hurriedAt, host.now)
  }
  return { host, supervisor, changedAt, endingAt, hurriedAt, isOver }
}
