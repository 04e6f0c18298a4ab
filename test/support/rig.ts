import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { portAt, portsToChooseFrom } from './ports.ts'

/** The program as it is installed; `npm run build` makes what it needs. */
export const BIN = fileURLToPath(new URL('../../dist/cli/tw-run.cjs', import.meta.url))

/** Variables that are set; what is undefined is taken away, such as PORT where tw-run's own default is meant. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface TestApp {
  /** Real path of the app's folder. */
  readonly root: string
  readonly stateDir: string
  /** The same as `runCli`, in this app. */
  cli(args: readonly string[], env?: Environment): Promise<CliResult>
  path(name: string): string
  cleanup(): void
}

/** A folder with these files, under the system's temporary one, until `cleanup`. */
export function makeApp(files: Readonly<Record<string, string | Uint8Array>> = {}): TestApp {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tw-run-test-')))
  const root = join(folder, 'app')
  const stateDir = join(folder, 'state')
  const path = (name: string): string => join(root, name)
  mkdirSync(root)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(path(name)), { recursive: true })
    writeFileSync(path(name), content)
  }
  return {
    root,
    stateDir,
    path,
    cli: (args, env = {}) => runCli(args, { cwd: root, env: { TW_RUN_STATE_DIR: stateDir, ...env } }),
    cleanup: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export interface CliResult {
  /** The exit code, or the name of the signal that ended it. */
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly cwd: string
  readonly env?: Environment
}

/** Runs tw-run to its end, in an environment that holds nothing of the one who tests. */
export async function runCli(args: readonly string[], { cwd, env = {} }: CliOptions): Promise<CliResult> {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { ...twRunEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output.stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.stderr += chunk))
  const code = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exit, signal) => resolve(exit ?? signal ?? 'unknown'))
  })
  return { code, ...output }
}

/** What tw-run needs: a clean environment, in which the ports that it takes by itself are this test's. */
export function twRunEnvironment(): Record<string, string> {
  return { ...cleanEnvironment(), PORT: String(portAt(0)), TW_RUN_AUTO_PORTS: portsToChooseFrom() }
}

/** What a program needs to run at all, and nothing else: no TW_RUN_*, no PORT, no colours. */
export function cleanEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'USER'].flatMap((key) => {
    const value = process.env[key]
    return value === undefined ? [] : [[key, value] as const]
  })
  return Object.fromEntries(kept)
}
