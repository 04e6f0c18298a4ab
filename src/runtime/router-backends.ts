import { closeSync, statSync } from 'node:fs'
import { Pool } from 'undici'
import { parseProcessId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import { typeOf } from '../core/readiness.ts'
import { DRAIN_MS, ROUTED_TYPE } from '../core/router.ts'
import { isHeld, openForReading, watchLifeline } from './lifeline.ts'
import { LoopbackPort } from './loopback-port.ts'
import { knownProcesses, readHealth, readSpec, runNumbers, runPath, writeDrained } from './run-directory.ts'
import type { StateDir } from './state-dir.ts'
import { failedWith, reasonOf, systemCode } from './system-error.ts'

/**
 * From one look at the state directory to the next, ms. A look is a few system calls for each process. Events of
 * the file system would come sooner, but they may be lost, and an app that logs makes one for every line.
 */
export const LOOK_EVERY_MS = 100

/** Which run of which process, where its directory is, and the port it listens on. */
interface RunOfWeb {
  readonly id: ProcessId
  readonly number: number
  readonly path: string
  readonly port: number
}

/** One run of a web process, as the router knows it. */
export class Backend {
  readonly id: ProcessId
  readonly number: number
  readonly path: string
  readonly port: LoopbackPort
  readonly pool: Pool
  readonly #say: (text: string) => void
  /** Requests under way to it. */
  inFlight = 0
  isReady = false
  /** No new request goes to it any more. */
  isStopping = false
  isGone = false
  #draining: 'not' | 'closing' | 'unsaid' | 'said' = 'not'
  #healthStamp = ''
  #life: { stop(): void } | undefined

  constructor({ id, number, path, port }: RunOfWeb, say: (text: string) => void) {
    this.id = id
    this.number = number
    this.path = path
    this.#say = say
    this.port = new LoopbackPort(port)
    this.pool = new Pool(`http://127.0.0.1:${port}`, {
      connect: (_options, done) =>
        this.port.connect((error, socket) => (error === undefined ? done(null, socket) : done(error, null))),
      // How long an answer may take is for the app and its clients to say.
      headersTimeout: 0,
      bodyTimeout: 0,
      strictContentLength: true,
    })
  }

  /** Reads what is new; true if that changes whether requests may go there. */
  look(gone: () => void): boolean {
    const before = this.isOpen
    if (!this.isStopping && isThere(`${this.path}/stop`)) this.isStopping = true
    const stamp = stampOf(`${this.path}/health`)
    if (stamp !== this.#healthStamp) {
      this.#healthStamp = stamp
      this.isReady = readHealth(this.path).readyAt !== undefined
    }
    if (this.isReady && this.#life === undefined && !this.isGone) this.#watch(gone)
    this.drain()
    return before !== this.isOpen
  }

  /** Whether new requests may go there. */
  get isOpen(): boolean {
    return this.isReady && !this.isStopping && !this.isGone
  }

  /**
   * Says that no request is under way, once that is so and it is to be stopped. Connections that were upgraded
   * hold nothing up, for nobody knows when one of them ends: the app closes them when it is told to stop.
   * Streams that do not end hold it up until the supervisor has waited for long enough.
   */
  drain(): void {
    if (!this.isStopping || this.inFlight > 0) return
    if (this.#draining === 'unsaid') this.#sayDrained()
    if (this.#draining !== 'not') return
    this.#draining = 'closing'
    // An app that closes its server waits for idle connections, too.
    void this.pool.close().then(() => this.#sayDrained())
  }

  /** Forgets it: its run is over, or a newer one has come. */
  leave(): void {
    this.isGone = true
    this.#life?.stop()
    if (this.#draining === 'not') void this.pool.close()
    this.#draining = 'said'
  }

  /** What cannot be written is tried again at the next look. The supervisor waits a while only, whatever it hears. */
  #sayDrained(): void {
    const isFirst = this.#draining === 'closing'
    try {
      this.#draining = 'said'
      writeDrained(this.path)
    } catch (error) {
      // Its directory went with the whole state directory: then nobody waits for it.
      if (failedWith(error, 'ENOENT')) return
      if (systemCode(error) === undefined) throw error
      this.#draining = 'unsaid'
      if (isFirst)
        this.#say(
          `cannot write down that ${this.id} has answered its requests: ${reasonOf(error)}. It is stopped after ${DRAIN_MS / 1_000} s`,
        )
    }
  }

  #watch(gone: () => void): void {
    let read: number
    try {
      read = openForReading(`${this.path}/life`)
    } catch (error) {
      // Without a lifeline the supervisor sees to it; a process that is gone refuses connections anyway.
      if (!failedWith(error, 'ENOENT')) throw error
      return
    }
    const end = (): void => {
      this.isGone = true
      gone()
    }
    if (isHeld(read)) this.#life = watchLifeline(read, end)
    else {
      closeSync(read)
      this.isGone = true
    }
  }
}

/** The web processes, as the state directory describes them: a cache that any other router would fill alike. */
export class Backends {
  readonly #state: StateDir
  readonly #changed: () => void
  readonly #say: (text: string) => void
  readonly #newest = new Map<ProcessId, Backend>()
  /** In order of their numbers. */
  ready: readonly Backend[] = []

  /** `changed` is called when others are ready than before; `say` with what a person may want to know. */
  constructor(state: StateDir, changed: () => void, say: (text: string) => void) {
    this.#state = state
    this.#changed = changed
    this.#say = say
  }

  /** Reads the state directory as it is now. Where that cannot be, such as without a descriptor, nothing changes. */
  look(): void {
    try {
      this.#look()
    } catch (error) {
      if (!failedWith(error, 'EMFILE', 'ENFILE', 'ENOENT')) throw error
    }
  }

  #look(): void {
    const ids = new Set(knownProcesses(this.#state).filter((id) => typeOf(id) === ROUTED_TYPE))
    let isChanged = false
    for (const id of ids) isChanged = this.#lookAt(id) || isChanged
    for (const [id, backend] of this.#newest) {
      if (ids.has(id)) continue
      backend.leave()
      this.#newest.delete(id)
      isChanged = true
    }
    if (isChanged) this.#update()
  }

  /** What stands in the way of each process that is not ready. */
  reasons(): string[] {
    return [...this.#newest.values()].flatMap(({ id, path, isOpen, isGone, isStopping }) => {
      if (isOpen) return [`${id} refuses connections`]
      if (isGone) return [`${id} has ended`]
      return [isStopping ? `${id} is being stopped` : `${id} ${readHealth(path).reason ?? 'is starting'}`]
    })
  }

  #lookAt(id: ProcessId): boolean {
    const number = runNumbers(this.#state, id).at(-1) ?? 0
    const known = this.#newest.get(id)
    const isNew = known?.number !== number
    if (isNew) {
      const path = runPath(this.#state, id, number)
      const spec = readSpec(path)
      if (spec === undefined) return false
      known?.leave()
      this.#newest.set(id, new Backend({ id, number, path, port: spec.port }, this.#say))
    }
    return (this.#newest.get(id)?.look(() => this.#update()) ?? false) || isNew
  }

  #update(): void {
    this.ready = [...this.#newest.values()].filter(({ isOpen }) => isOpen).toSorted(byInstance)
    this.#changed()
  }
}

function byInstance(one: Backend, other: Backend): number {
  return (parseProcessId(one.id)?.instance ?? 0) - (parseProcessId(other.id)?.instance ?? 0)
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Changes whenever the file is replaced. */
function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs}`
}
