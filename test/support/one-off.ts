import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { BIN, twRunEnvironment } from './rig.ts'
import { until } from './live.ts'
import type { TestApp } from './rig.ts'

/** A `tw-run run` that goes on while the test talks to it. */
export interface OneOff {
  readonly pid: number
  /** Types this, or writes it to its stdin. */
  write(text: string): void
  closeInput(): void
  output(): string
  /** Waits until the output has this, and returns the match. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
  signal(signal: NodeJS.Signals): void
  /** The exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
}

export interface OneOffOptions {
  readonly env?: Readonly<Record<string, string>>
  /**
   * In a terminal of its own, by `script`; otherwise stdin, stdout and stderr are pipes. A function makes of
   * the command line the shell text that is run there.
   */
  readonly terminal?: true | ((command: string) => string)
}

/** Everything that these tests start has this in its environment, and its descendants too. */
const MARK = `TW_TEST_ONE_OFF=${randomUUID()}`

export function startOneOff(app: TestApp, args: readonly string[], options: OneOffOptions = {}): OneOff {
  const command = [process.execPath, BIN, 'run', ...args]
  const [file = '', ...rest] = inPlace(command, options.terminal)
  const child = spawn(file, rest, {
    cwd: app.root,
    env: {
      ...twRunEnvironment(),
      ...Object.fromEntries([MARK.split('=')]),
      SHELL: '/bin/sh',
      TW_RUN_STATE_DIR: app.stateDir,
      ...options.env,
    },
    stdio: 'pipe',
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  // It may end before it has read everything.
  child.stdin.on('error', () => undefined)
  const pid = child.pid ?? 0
  return {
    pid,
    write: (typed) => void child.stdin.write(typed),
    closeInput: () => void child.stdin.end(),
    output: () => text,
    waitFor: (pattern) => until(`${pattern} in the output`, () => pattern.exec(text)),
    signal: (signal) => void process.kill(pid, signal),
    ended: new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
    }),
  }
}

function inPlace(command: readonly string[], terminal: OneOffOptions['terminal']): readonly string[] {
  if (terminal === undefined) return command
  const line = command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ')
  return ['script', '-qefc', terminal === true ? `exec ${line}` : terminal(line), '/dev/null']
}

/** Kills what is left of everything started here, and says what it was. */
export async function endLeftOvers(): Promise<string[]> {
  const left = running()
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself in this moment.
    }
  }
  await until('what was left over to be gone', () => running().length === 0)
  return left.map(({ command }) => command)
}

/** Whether there is such a process, one that has ended and was not waited for excepted. */
export function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    // It ended between the two looks.
    return false
  }
}

/** Whether a signal has stopped it, and it has not gone on since. */
export function isStopped(pid: number): boolean {
  try {
    return /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    // It has ended.
    return false
  }
}

/** The living processes that were started here, and their descendants. */
export function running(): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(MARK)) return []
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()
      return command === '' ? [] : [{ pid: Number(name), command }]
    } catch {
      // It ended meanwhile, or is not ours to see.
      return []
    }
  })
}
