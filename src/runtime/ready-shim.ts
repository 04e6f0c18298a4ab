import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, existsSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { assignments, quoteSh } from '../core/quote-sh.ts'
import { crashPoint } from './crash-points.ts'
import type { Launch } from './launcher.ts'
import { openLifeline, openOrders } from './lifeline.ts'
import { randomHex } from './random.ts'
import { SHIM, shimName } from './shim.ts'
import { killChildGroup } from './signal.ts'

/** By which it is told its run, and which is its log from then on. */
const ORDERS = 4
/** The longest order, characters: a shell reads it by a call for each. */
const LONGEST_ORDER = 1_024

/** It waits for one line. The variable is one that the line sets: any other may be the user's. */
const READY_SHIM = `IFS= read -r PORT <&${ORDERS} || exit
eval "$PORT"
${SHIM}`
/** With these bash, where it is sh, would not wait for a line and read it, but do what they say. */
const TOLD_OTHERWISE = /^(?:TMOUT$|BASH_FUNC_)/

type Variables = Launch['env']['shared']

export interface ReadyShimOptions {
  /** The FIFO that is its lifeline. */
  readonly life: string
  /** The FIFO by which it is told to begin. */
  readonly orders: string
  readonly cwd: string
  /** What runs such as it is for share. */
  readonly env: Variables
}

/**
 * A shim that waits for its run, in a session of its own and with its lifeline: to fork this process and to execute a
 * shell takes 2 to 4 ms, for which a crashed process would have to wait. It ends with who could tell it to begin.
 */
export class ReadyShim {
  /** Of the run that it will be of, by which it is found. */
  readonly token: string
  readonly child: ChildProcess
  readonly #options: ReadyShimOptions
  readonly #kind: string
  /** The read end. */
  readonly #lifeline: number
  /** The write end. */
  readonly #orders: number

  private constructor(
    child: ChildProcess,
    token: string,
    [lifeline, orders]: readonly [number, number],
    options: ReadyShimOptions,
  ) {
    this.token = token
    this.child = child
    this.#options = options
    this.#kind = kindOf(options.cwd, options.env)
    this.#lifeline = lifeline
    this.#orders = orders
    child.unref()
  }

  /** Undefined where the system refuses it. Errors: those of open(2), and for what no process can be given. */
  static start(options: ReadyShimOptions): ReadyShim | undefined {
    const token = randomHex(8)
    const life = openLifeline(options.life)
    const open = [life.read, life.write]
    const kept = new Set<number>()
    try {
      const orders = openOrders(options.orders)
      open.push(orders.read, orders.write)
      // Their names are for the next one.
      unlinkSync(options.orders)
      const child = spawn('/bin/sh', ['-c', READY_SHIM, shimName(token)], {
        cwd: options.cwd,
        env: options.env,
        detached: true,
        stdio: ['ignore', 'ignore', 'ignore', life.write, orders.read],
      })
      crashPoint('ready:spawned')
      child.on('error', () => {})
      if (child.pid === undefined) return undefined
      kept.add(life.read).add(orders.write)
      return new ReadyShim(child, token, [life.read, orders.write], options)
    } finally {
      for (const fd of open) if (!kept.has(fd)) closeSync(fd)
    }
  }

  /** Whether it lives, and waits in the folder and with the environment that such a run is to have. */
  suits(env: Variables): boolean {
    const { life, cwd } = this.#options
    return !this.#hasExited && existsSync(life) && kindOf(cwd, env) === this.#kind
  }

  /** Gives its lifeline the path that it has in a run's directory. */
  giveLife(path: string): void {
    renameSync(this.#options.life, path)
  }

  /** Has it begin with its run; the read end of its lifeline is the caller's from now on. */
  begin(launch: Launch): number {
    writeSync(this.#orders, orderFor(launch))
    closeSync(this.#orders)
    return this.#lifeline
  }

  /** Has it end without a run; resolves when it is gone. */
  async close(): Promise<void> {
    for (const fd of [this.#orders, this.#lifeline]) closeSync(fd)
    const { pid } = this.child
    if (this.#hasExited || pid === undefined) return
    this.child.ref()
    const gone = new Promise((resolve) => this.child.once('exit', resolve))
    // One that is frozen does not notice, and nobody would wake it.
    killChildGroup(pid)
    await gone
  }

  /** Of one that has, nobody hears again. */
  get #hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }
}

/** Whether a shell with this environment waits as it should. */
export function canWait(env: Variables): boolean {
  return !Object.keys(env).some((name) => TOLD_OTHERWISE.test(name))
}

/** Whether a run can be told in one line, and a short one. */
export function isTellable(launch: Launch): boolean {
  const order = orderFor(launch)
  return order.length <= LONGEST_ORDER && order.indexOf('\n') === order.length - 1
}

function orderFor({ directory, commandLine, env }: Launch): string {
  const words = [directory, commandLine].map(quoteSh).join(' ')
  return `export ${assignments(env.own)}; set -- ${words}; exec ${ORDERS}>>"$1/log"\n`
}

/** The same for two runs that begin alike. A folder that was made anew is another one. */
function kindOf(cwd: string, env: Variables): string {
  const { dev, ino } = statSync(cwd, { throwIfNoEntry: false }) ?? {}
  return JSON.stringify([dev, ino, env])
}
