import { closeSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ChildProcess } from 'node:child_process'
import type { ProcessPlan } from '../core/expand.ts'
import type { Run, Want } from '../core/process.ts'
import type { RunSpec } from '../core/records.ts'
import type { Place } from '../core/session.ts'
import { crashPoint } from './crash-points.ts'
import { descriptorCeiling } from './descriptors.ts'
import type { Host, HostContext } from './host.ts'
import { makeLifelines, openLifeline } from './lifeline.ts'
import { newRun } from './new-run.ts'
import { beginThreads } from './process-room.ts'
import { randomHex } from './random.ts'
import * as directory from './run-directory.ts'
import { explainRefusal, spawnShim } from './shim.ts'

/** Forks between two turns of the event loop: each blocks it for a millisecond or more. */
const STARTS_A_TURN = 16

/** The environment of one run, read anew for each start. */
export type EnvironmentOf = (run: Pick<Run, 'id' | 'token' | 'port' | 'scratch'>) => Record<string, string>

export interface StarterOptions extends HostContext {
  readonly host: Host
  readonly place: Place
  readonly session: string
  readonly cwd: string
  /** Called once for each batch of starts; it may throw what is wrong with the user's files. */
  readonly readEnvironment: () => EnvironmentOf
  /** A socket that is held for a run, if there is one. */
  readonly socketOf: (run: Run) => number | undefined
}

/** Starts runs. From the rename of its directory on, a run is meant to be; from the fork on, it is. */
export class Starter {
  readonly #at: StarterOptions
  readonly #ceiling = descriptorCeiling()

  constructor(options: StarterOptions) {
    this.#at = options
    beginThreads()
  }

  /** Starts what is wanted; what could not start is recorded as an end of that run alone. */
  async start(wants: readonly Want[]): Promise<void> {
    const runs = wants.map((want) => this.#plan(want))
    const refused = this.#attempt(() => this.#prepare(runs))
    if (refused !== undefined) {
      for (const run of runs) this.#refuse(run, refused)
      return
    }
    const read = this.#environment()
    const started: Run[] = []
    for (const [index, run] of runs.entries()) {
      const reason = 'refused' in read ? read.refused : await this.#launch(run, read.environmentOf)
      if (reason === undefined) started.push(run)
      else this.#refuse(run, reason)
      if (index % STARTS_A_TURN === STARTS_A_TURN - 1) await nextTurn()
    }
    crashPoint('start:all')
    if (started.length > 0)
      this.#at.journal({ type: 'started', runs: started.flatMap((run) => this.#at.slots.run(run.id) ?? []) })
    for (const run of started) this.#at.host.prune(run)
  }

  #plan({ plan: { id, command, port }, generation, policy, isProbed = false }: Want): Run {
    const { slots, session } = this.#at
    const token = randomHex(8)
    const number = slots.nextNumber(id)
    return newRun({ id, command, port, isProbed, policy, generation, session, token, number })
  }

  #prepare(runs: readonly Run[]): void {
    const paths = runs.map((run) => directory.prepareRun(this.#at.state, this.#specOf(run)))
    crashPoint('start:directory-made')
    makeLifelines(paths.map((path) => join(path, 'life')))
    crashPoint('start:prepared')
  }

  #specOf(run: Run): RunSpec {
    const { id, number, generation, session, command, port, isProbed, token, scratch, startedAt } = run
    const { policy } = run
    return {
      version: 1,
      ...(policy !== undefined && { policy }),
      id,
      number,
      generation,
      session,
      command,
      port,
      isProbed,
      token,
      scratch,
      startedAt,
      ...this.#at.place,
      cwd: this.#at.cwd,
      startedWall: Date.now(),
    }
  }

  #environment(): { environmentOf: EnvironmentOf } | { refused: Refusal } {
    try {
      return { environmentOf: this.#at.readEnvironment() }
    } catch (error) {
      return { refused: { message: (error as Error).message, again: true } }
    }
  }

  /** The reason if it could not be started. */
  async #launch(run: Run, environmentOf: EnvironmentOf): Promise<Refusal | undefined> {
    const open: number[] = []
    let child: ChildProcess | undefined
    const socket = this.#at.socketOf(run)
    const refused = this.#attempt(() => {
      const path = directory.publishRun(this.#at.state, this.#specOf(run))
      crashPoint('start:named')
      mkdirSync(run.scratch, { mode: 0o700 })
      crashPoint('start:scratch-made')
      const life = openLifeline(join(path, 'life'))
      open.push(life.read, life.write)
      // Numbers are given lowest first: a high one means that nearly all are in use.
      if (life.write >= this.#ceiling)
        throw Object.assign(new Error('too many open files'), { code: 'EMFILE' })
      const log = directory.openLog(path)
      open.push(log)
      crashPoint('start:lifeline-opened')
      child = spawnShim({
        token: run.token,
        directory: path,
        command: run.command,
        cwd: this.#at.cwd,
        env: environmentOf(run),
        lifeline: life.write,
        log,
        ...(socket === undefined ? {} : { socket }),
      })
      crashPoint('start:spawned')
    })
    const [read, ...others] = open
    for (const fd of others) closeSync(fd)
    if (refused === undefined && child?.pid !== undefined && read !== undefined) {
      this.#adopt(run, child, read)
      crashPoint('start:closed')
      return undefined
    }
    if (read !== undefined) closeSync(read)
    return refused ?? explainRefusal(await errorOf(child), this.#at.cwd)
  }

  #adopt(run: Run, child: ChildProcess, read: number): void {
    const { slots } = this.#at
    slots.add(run)
    slots.expectExit(run)
    child.once('exit', (status) => slots.heardExit(run, status))
    slots.watch(run, read)
  }

  #attempt(work: () => void): Refusal | undefined {
    try {
      work()
      return undefined
    } catch (error) {
      return explainRefusal(error, this.#at.cwd)
    }
  }

  /** It never ran: recorded as an end, so that trying again is paced like any restart. */
  #refuse(run: Run, { message, again }: Refusal): void {
    this.#at.slots.add({ ...run, life: 'dead' })
    this.#at.host.finish(run, { kind: 'unstarted', message, again }, false)
  }
}

interface Refusal {
  readonly message: string
  readonly again: boolean
}

/** Why a child has no pid. Node tells it by an event a turn later. */
async function errorOf(child: ChildProcess | undefined): Promise<unknown> {
  if (child === undefined) return new Error('it was not spawned')
  return new Promise((resolve) => child.once('error', resolve))
}

/** Whether a run is still what its process is planned to be. */
export function sameProcess(run: Run, plan: ProcessPlan): boolean {
  return run.command === plan.command && run.port === plan.port
}
