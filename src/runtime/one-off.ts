import { execa } from 'execa'
import { exitCodeOfSignal } from '../core/exit.ts'
import { failedWith } from './system-error.ts'
import { signalTree } from './signal.ts'
import { isTerminal, say } from './terminal.ts'

export interface Executable {
  readonly file: string
  readonly args: readonly string[]
}

export interface OneOffOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** ms from a forwarded SIGTERM or SIGHUP to SIGKILL. */
  readonly graceMs: number
}

const STDIN = 0
const STDERR = 2

/**
 * Runs a process in our own process group, so that it has the terminal, and returns its exit code, or 128 +
 * its signal; 127 and 126 as a shell says them if it cannot be run.
 */
export async function runOneOff(executable: Executable, options: OneOffOptions): Promise<number> {
  const { file, args } = executable
  const { cwd, env, graceMs } = options
  const child = execa(file, args, {
    cwd,
    env,
    extendEnv: false,
    stdio: 'inherit',
    reject: false,
    cleanup: false,
  })
  const release = forwardSignals(() => child.pid, graceMs)
  try {
    const result = await child
    if (result.exitCode !== undefined) return result.exitCode
    if (result.signal !== undefined) return exitCodeOfSignal(result.signal)
    say(STDERR, `tw-run: cannot run ${file}: ${reasonOf(result.cause, file)}\n`)
    return failedWith(result.cause, 'ENOENT') ? 127 : 126
  } finally {
    release()
  }
}

function reasonOf(cause: unknown, file: string): string {
  if (failedWith(cause, 'ENOENT')) return `there is no such command (is ${file} on the PATH?)`
  if (failedWith(cause, 'EACCES')) return 'it is not executable'
  return cause instanceof Error ? cause.message : String(cause)
}

/** From a terminal the process gets its signals itself, like us; those sent to us alone are handed on. */
function forwardSignals(pidOf: () => number | undefined, graceMs: number): () => void {
  let kill: NodeJS.Timeout | undefined
  const forward = (signal: NodeJS.Signals): void => {
    const pid = pidOf()
    const isFromTerminal = (signal === 'SIGINT' || signal === 'SIGQUIT') && isTerminal(STDIN)
    if (pid === undefined || isFromTerminal) return
    void signalTree(pid, signal)
    kill ??= setTimeout(() => void signalTree(pid, 'SIGKILL'), graceMs)
  }
  const signals = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, forward)
  return () => {
    clearTimeout(kill)
    for (const signal of signals) process.off(signal, forward)
  }
}
