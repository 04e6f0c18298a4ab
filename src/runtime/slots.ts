import { closeSync } from 'node:fs'
import { exitFromStatus } from '../core/exit.ts'
import { parseProcessId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import { observe } from '../core/observe.ts'
import type { End, Observed, RestartPolicy, Run, Slot } from '../core/process.ts'
import type { Place } from '../core/session.ts'
import { findNewest } from './adoption.ts'
import type { Found } from './adoption.ts'
import { bootNow } from './clock.ts'
import { crashPoint } from './crash-points.ts'
import { isHeld, watchLifeline } from './lifeline.ts'
import * as directory from './run-directory.ts'
import { KEPT_ENDS, readNewestEnds } from './run-history.ts'
import { findShim, isShim } from './shim.ts'
import type { StateDir } from './state-dir.ts'

/** Of a process that nobody wants any more, an end is an end. */
const LEAVE: RestartPolicy = { when: 'no' }

/**
 * What is known of every process: a cache of the state directory and of the kernel. Whatever is in here
 * can be read again by another supervisor.
 */
export class Slots {
  readonly #state: StateDir
  readonly #place: Place
  readonly #isHolder: boolean
  #changed: () => void = () => {}
  #changes = 0
  readonly #slots = new Map<ProcessId, Slot>()
  readonly #watches = new Map<string, { stop(): void }>()
  /** Runs whose lifeline somebody unlinked: they are looked after by pid and token. */
  readonly #unwatched = new Set<ProcessId>()
  /** Exit statuses of our own children, for when the shim could not write them down. */
  readonly #heard = new Map<string, number>()
  readonly #children = new Set<string>()
  readonly damaged: string[] = []

  /** `isHolder`: the lock is held, so that runs may be followed and damaged ones put aside. */
  constructor(state: StateDir, place: Place, isHolder: boolean) {
    this.#state = state
    this.#place = place
    this.#isHolder = isHolder
  }

  /** Calls back whenever a run is seen to have ended. */
  onChange(changed: () => void): void {
    this.#changed = changed
  }

  /** Another number whenever anything that is known has changed. */
  get changes(): number {
    return this.#changes
  }

  /** Reads the state directory: every process of it, adopted or found dead. */
  load(): void {
    for (const id of directory.knownProcesses(this.#state)) {
      const { found, ends } = this.#find(id, directory.keptOf(this.#state, id))
      this.#put(id, { run: found?.run, ends })
      if (found !== undefined) this.#follow(found)
    }
  }

  ids(): ProcessId[] {
    return [...this.#slots.keys()]
  }

  runs(): Run[] {
    return [...this.#slots.values()].flatMap(({ run }) => run ?? [])
  }

  endsOf(id: ProcessId): readonly End[] {
    return this.#slots.get(id)?.ends ?? []
  }

  run(id: ProcessId): Run | undefined {
    return this.#slots.get(id)?.run
  }

  /** The number that the next run of a process gets. */
  nextNumber(id: ProcessId): number {
    const slot = this.#slots.get(id)
    return Math.max(slot?.run?.number ?? 0, slot?.ends.at(-1)?.run ?? 0) + 1
  }

  /** The newest generation of each type found. */
  newestGenerations(): Record<string, number> {
    const newest = new Map<string, number>()
    for (const [id, { run, ends }] of this.#slots) {
      const type = parseProcessId(id)?.type ?? id
      newest.set(type, Math.max(newest.get(type) ?? 0, run?.generation ?? 0, ends.at(-1)?.generation ?? 0))
    }
    return Object.fromEntries(newest)
  }

  observed(policyOf: (id: ProcessId) => RestartPolicy | undefined): Observed {
    return new Map([...this.#slots].map(([id, slot]) => [id, observe(slot, policyOf(id) ?? LEAVE)] as const))
  }

  /** A new run, from now on the newest of its process. */
  add(run: Run): void {
    this.#put(run.id, { run, ends: this.#slots.get(run.id)?.ends ?? [] })
  }

  update(run: Run, change: Partial<Run>): void {
    const slot = this.#slots.get(run.id)
    if (slot?.run?.token === run.token) this.#put(run.id, { ...slot, run: { ...slot.run, ...change } })
  }

  /** The run is over, and this is how. */
  close(run: Run, end: End): void {
    const ends = [...(this.#slots.get(run.id)?.ends ?? []).filter((one) => one.run !== end.run), end].slice(
      -KEPT_ENDS,
    )
    this.#put(run.id, {
      run: { ...run, life: 'dead', done: true, exit: end.exit, endedAt: end.endedAt },
      ends,
    })
    this.#forget(run)
  }

  #put(id: ProcessId, slot: Slot): void {
    this.#slots.set(id, slot)
    this.#changes += 1
  }

  /** Follows a run's life by its lifeline; takes the descriptor over. */
  watch(run: Run, read: number): void {
    // The kernel tells nobody of an end who opened it later.
    if (!isHeld(read)) {
      closeSync(read)
      queueMicrotask(() => this.#lifelineEnded(run))
      return
    }
    this.#watches.set(
      run.token,
      watchLifeline(read, () => this.#lifelineEnded(run)),
    )
  }

  /** Follows a run's life by looking for its shim, where it has no lifeline for us. */
  watchShim(run: Run): void {
    this.#unwatched.add(run.id)
  }

  /** A child of our own, whose exit the kernel will tell us. */
  expectExit(run: Run): void {
    this.#children.add(run.token)
  }

  heardExit(run: Run, status: number | null): void {
    this.#children.delete(run.token)
    if (status !== null) this.#heard.set(run.token, status)
    this.#lifelineEnded(run)
  }

  /** Looks again at what no event tells of; `isOurs`: the state directory is still the one that the lock is for. */
  look(isOurs: boolean): void {
    for (const { run } of this.#slots.values()) {
      if (run === undefined || run.life === 'dead') continue
      if (run.pid === undefined) this.#lookForPid(run, isOurs)
      if (run.stop?.drainUntil !== undefined && !run.drained && directory.isDrained(this.#path(run)))
        this.update(run, { drained: true })
      if (this.#unwatched.has(run.id) && !this.#isShimThere(run)) this.#dead(run)
    }
  }

  #lookForPid(run: Run, isOurs: boolean): void {
    const pid = isOurs ? directory.readPid(this.#path(run)) : findShim(run.token)
    if (pid !== undefined) this.update(run, { pid })
  }

  /** The newest run that makes sense, and how it and others ended; the holder puts those aside that make none. */
  #find(id: ProcessId, kept: directory.Kept): { found: Found | undefined; ends: readonly End[] } {
    const { numbers, hasHistory } = kept
    const number = numbers.at(-1)
    const ends = hasHistory ? readNewestEnds(this.#state, id, number) : []
    const found = findNewest({ state: this.#state, place: this.#place, id, number, ends })
    if (found === undefined || !('damaged' in found)) return { found, ends }
    if (!this.#isHolder) return { found: undefined, ends }
    this.damaged.push(directory.quarantine(found.damaged))
    return this.#find(id, { numbers: numbers.slice(0, -1), hasHistory })
  }

  /** Follows what was found, or lets go of it. */
  #follow({ run, lifeline, launcher, isUnlinked }: Found): void {
    if (!this.#isHolder) {
      for (const fd of [lifeline, launcher]) if (fd !== undefined) closeSync(fd)
      return
    }
    if (isUnlinked === true) this.#unwatched.add(run.id)
    if (lifeline === undefined) return
    if (launcher === undefined) this.watch(run, lifeline)
    else this.#watchLater(run, lifeline, launcher)
  }

  /** Whether a run lives whose lifeline nobody holds is known when its launcher is gone. */
  #watchLater(run: Run, lifeline: number, launcher: number): void {
    const waiting = watchLifeline(launcher, () => {
      // Its descriptors are closed, or followed by another watch.
      this.#watches.delete(run.token)
      this.watch(run, lifeline)
    })
    const stop = (): void => {
      waiting.stop()
      closeSync(lifeline)
    }
    this.#watches.set(run.token, { stop })
  }

  #isShimThere(run: Run): boolean {
    return run.pid === undefined ? findShim(run.token) !== undefined : isShim(run.pid, run.token)
  }

  #lifelineEnded(run: Run): void {
    const now = this.run(run.id)
    if (now?.token !== run.token || now.life === 'dead') return
    const ended = this.#endOf(run)
    // Our own child: its status is a moment away, and the disk may have had no room for it.
    if (ended.exit === undefined && this.#children.has(run.token)) return
    this.#dead(now, ended)
  }

  #dead(run: Run, ended = this.#endOf(run)): void {
    crashPoint('end:seen')
    this.update(run, { life: 'dead', pid: run.pid ?? directory.readPid(this.#path(run)), ...ended })
    this.#forget(run)
    this.#changed()
  }

  #endOf(run: Run): Pick<Run, 'exit' | 'endedAt'> {
    const { exit, endedAt = bootNow() } = directory.readExit(this.#path(run), run.startedAt)
    if (exit !== undefined) return { exit, endedAt }
    const heard = this.#heard.get(run.token)
    return { exit: heard === undefined ? undefined : exitFromStatus(heard), endedAt }
  }

  #forget(run: Run): void {
    this.#watches.get(run.token)?.stop()
    this.#watches.delete(run.token)
    this.#heard.delete(run.token)
    this.#unwatched.delete(run.id)
  }

  #path(run: Run): string {
    return directory.runPath(this.#state, run.id, run.number)
  }
}
