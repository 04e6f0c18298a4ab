import { spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { isShellName } from '../core/environment.ts'
import { exitCodeOfSignal } from '../core/exit.ts'
import { printable } from '../core/printable.ts'
import { isRunnable } from './executable.ts'
import type { Executable } from './executable.ts'
import { isInForeground } from './process-table.ts'
import { explainRefusal } from './shim.ts'
import { signalTree } from './signal.ts'
import { failedWith } from './system-error.ts'
import { mention, say } from './terminal.ts'
import { WITNESS } from './witness.ts'

export type { Executable } from './executable.ts'

export interface OneOffOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly relay: SignalRelay
  /** The descriptor of a file that takes its output, instead of where ours goes; then it has no input either. */
  readonly output?: number
}

const INHERITED = ['inherit', 'inherit', 'inherit'] as const
const SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs a process in our own process group, so that it has the terminal, and returns its exit code, or 128 +
 * its signal; 127 and 126 as a shell says them if it cannot be run. With a variable that a shell would not hand
 * on there is no shell, and 0 for a real-time signal.
 */
export async function runOneOff(
  executable: Executable,
  { cwd, env, relay, output }: OneOffOptions,
): Promise<number> {
  const { file, args } = executable
  const hasWitness = Object.keys(env).every(isShellName) && isRunnable(executable, cwd, env['PATH'])
  const files = output === undefined ? INHERITED : (['ignore', output, output] as const)
  const { child, ended } = hasWitness
    ? begin('/bin/sh', ['-c', WITNESS, 'tw-run', file, ...args], { cwd, env, stdio: [...files, 'pipe'] })
    : begin(file, args, { cwd, env, stdio: [...files] })
  relay.begin(child?.pid, hasBegun(child?.stdio[3]))
  const { code, signal, error } = await ended
  relay.end()
  if (typeof code === 'number') return code
  if (typeof signal === 'string') return exitCodeOfSignal(signal)
  const why = `tw-run: cannot run ${printable(file)}: ${reasonOf(error, file, cwd)}\n`
  if (output === undefined) mention(why)
  else say(output, why)
  return failedWith(error, 'ENOENT') ? 127 : 126
}

/** How a child ended, or why there was none. */
interface Ended {
  readonly code?: number | null
  readonly signal?: string | null
  readonly error?: unknown
}

interface Begun {
  readonly child?: ChildProcess
  readonly ended: Promise<Ended>
}

/** Node says why it could not begin a process by an error, or by an event. */
function begin(file: string, args: readonly string[], options: SpawnOptions): Begun {
  try {
    const child = spawn(file, args, options)
    const ended = new Promise<Ended>((resolve) => {
      child.once('error', (error) => resolve({ error }))
      child.once('close', (code, signal) => resolve({ code, signal }))
    })
    return { child, ended }
  } catch (error) {
    return { ended: Promise.resolve({ error }) }
  }
}

/** Resolves at the first word of a witness, or its end; at once if there is none. */
async function hasBegun(line: NodeJS.EventEmitter | null | undefined): Promise<void> {
  if (!line) return
  await new Promise<void>((resolve) => {
    for (const event of ['data', 'error', 'close']) line.once(event, () => resolve())
  })
}

function reasonOf(cause: unknown, file: string, cwd: string): string {
  if (failedWith(cause, 'EACCES')) return 'it is not executable'
  if (!failedWith(cause, 'ENOENT')) return explainRefusal(cause, cwd).message
  return file.includes('/')
    ? 'there is no such file, or no such program as its first line names'
    : `there is no such command (is ${printable(file)} on the PATH?)`
}

/**
 * Takes the signals that would end us, from before the process starts until what it left is swept: while it
 * runs they are handed on, and afterwards they hurry the sweep. From a terminal the process gets Ctrl-C and
 * Ctrl-\ itself, like us.
 */
export class SignalRelay {
  readonly #graceMs: number
  readonly #hurry = new AbortController()
  #pid: number | undefined
  /** The process can hear. */
  #begun = Promise.resolve()
  #kill: NodeJS.Timeout | undefined
  /** It was to be stopped before it had begun. */
  #isUnwanted = false

  /** `graceMs`: from a signal that was handed on to SIGKILL. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs
    for (const signal of SIGNALS) process.on(signal, this.#take)
  }

  /** Aborted by a signal that comes when the process has ended. */
  get hurry(): AbortSignal {
    return this.#hurry.signal
  }

  begin(pid: number | undefined, begun: Promise<void>): void {
    this.#pid = pid
    this.#begun = begun
    if (this.#isUnwanted) this.stop()
  }

  /** Ends the process as soon as it runs, if it still does: SIGTERM, and SIGKILL after the grace period. */
  stop(): void {
    this.#isUnwanted = true
    if (this.#pid !== undefined) this.#pass(this.#pid, 'SIGTERM')
  }

  /** The process has been told to end by somebody else: SIGKILL after the grace period. */
  expectEnd(): void {
    const pid = this.#pid
    if (pid !== undefined) this.#kill ??= setTimeout(() => void signalTree(pid, 'SIGKILL'), this.#graceMs)
  }

  /** SIGKILL at once. */
  kill(): void {
    if (this.#pid !== undefined) void signalTree(this.#pid, 'SIGKILL')
  }

  end(): void {
    this.#pid = undefined
    this.#isUnwanted = false
    clearTimeout(this.#kill)
    this.#kill = undefined
  }

  release(): void {
    this.end()
    for (const signal of SIGNALS) process.off(signal, this.#take)
  }

  readonly #take = (signal: NodeJS.Signals): void => {
    const pid = this.#pid
    if (pid === undefined) {
      this.#hurry.abort()
      return
    }
    if ((signal === 'SIGINT' || signal === 'SIGQUIT') && isInForeground()) return
    this.#pass(pid, signal)
  }

  #pass(pid: number, signal: string): void {
    void this.#begun.then(() => {
      if (this.#pid === pid) void signalTree(pid, signal)
    })
    this.expectEnd()
  }
}
