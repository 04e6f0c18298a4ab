import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, existsSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { shellText } from '../core/command.ts'
import { quoteSh } from '../core/quote-sh.ts'
import { crashPoint } from './crash-points.ts'
import { openLifeline, openOrders, watchLifeline } from './lifeline.ts'
import type { LifelineWatch } from './lifeline.ts'
import { OWN_VARIABLES, assignments, withoutOwn } from './own-variables.ts'
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

type Variables = Readonly<Record<string, string>>

export interface ReadyShimOptions {
  /** The FIFO that is its lifeline. */
  readonly life: string
  /** The FIFO by which it is told to begin. */
  readonly orders: string
  readonly cwd: string
  /** That of a run such as it is for. */
  readonly env: Variables
}

/** The descriptors that stay with us. */
interface Ends {
  readonly life: number
  readonly orders: number
}

/** What a run is begun with. */
export interface Order {
  readonly directory: string
  readonly command: string
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
  readonly #orders: number
  readonly #lifeline: LifelineWatch
  #isGone = false
  #gone: () => void = () => {}

  private constructor(child: ChildProcess, token: string, ends: Ends, options: ReadyShimOptions) {
    this.token = token
    this.child = child
    this.#options = options
    this.#kind = kindOf(options.cwd, options.env)
    this.#orders = ends.orders
    this.#lifeline = watchLifeline(ends.life, () => {
      this.#isGone = true
      this.#gone()
    })
    child.unref()
  }

  /** Undefined where the system refuses it. Errors: those of open(2), and for what no process can be given. */
  static start(options: ReadyShimOptions): ReadyShim | undefined {
    const token = randomHex(8)
    const life = openLifeline(options.life)
    const open = [life.read, life.write]
    let ends: Ends | undefined
    try {
      const orders = openOrders(options.orders)
      open.push(orders.read, orders.write)
      // Their names are for the next one.
      unlinkSync(options.orders)
      const child = spawn('/bin/sh', ['-c', READY_SHIM, shimName(token)], {
        cwd: options.cwd,
        env: withoutOwn(options.env),
        detached: true,
        stdio: ['ignore', 'ignore', 'ignore', life.write, orders.read],
      })
      crashPoint('ready:spawned')
      child.on('error', () => {})
      if (child.pid === undefined) return undefined
      ends = { life: life.read, orders: orders.write }
      return new ReadyShim(child, token, ends, options)
    } finally {
      for (const fd of open) if (fd !== ends?.life && fd !== ends?.orders) closeSync(fd)
    }
  }

  /** Whether it lives, and waits in the folder and with the environment that such a run is to have. */
  suits(env: Variables): boolean {
    const { life, cwd } = this.#options
    return !this.#isGone && !this.#hasExited && existsSync(life) && kindOf(cwd, env) === this.#kind
  }

  /** Gives its lifeline the path that it has in a run's directory. */
  giveLife(path: string): void {
    renameSync(this.#options.life, path)
  }

  /** Has it begin with a run. */
  tell(order: Order): void {
    writeSync(this.#orders, orderText(order))
    closeSync(this.#orders)
  }

  /** Calls back once when it is gone. */
  watch(gone: () => void): LifelineWatch {
    this.#gone = gone
    if (this.#isGone) setImmediate(gone)
    return this.#lifeline
  }

  /** Has it end without a run; resolves when it is gone. */
  async close(): Promise<void> {
    closeSync(this.#orders)
    this.#lifeline.stop()
    const { pid } = this.child
    if (this.#hasExited || pid === undefined) return
    this.child.ref()
    const gone = new Promise((resolve) => this.child.once('exit', resolve))
    // One that is frozen does not notice, and nobody would wake it.
    killChildGroup(pid)
    await gone
  }

  /** Told by the kernel, before its lifeline or after it: of one that has, nobody hears again. */
  get #hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }
}

/** Whether a run can be told in one line, and a short one. */
export function isTellable(order: Order): boolean {
  const text = orderText(order)
  return text.length <= LONGEST_ORDER && text.indexOf('\n') === text.length - 1
}

function orderText({ directory, command, env }: Order): string {
  const words = [directory, shellText(command)].map(quoteSh).join(' ')
  return `export ${assignments(env, OWN_VARIABLES)}; set -- ${words}; exec ${ORDERS}>>"$1/log"\n`
}

/** The same for two runs that begin alike. A folder that was made anew is another one. */
function kindOf(cwd: string, env: Variables): string {
  const { dev, ino } = statSync(cwd, { throwIfNoEntry: false }) ?? {}
  return JSON.stringify([dev, ino, withoutOwn(env)])
}
