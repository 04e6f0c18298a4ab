import { randomBytes, randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { wantsColor } from '../core/color.ts'
import { shellText } from '../core/command.ts'
import { environmentFor, valuesOf } from '../core/environment.ts'
import { planOf } from '../core/expand.ts'
import { processId } from '../core/names.ts'
import type { Flags } from '../core/settings.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { loadApp, requireVariables } from '../runtime/load.ts'
import type { App } from '../runtime/load.ts'
import { runOneOff, SignalRelay } from '../runtime/one-off.ts'
import type { Executable } from '../runtime/one-off.ts'
import { sweep } from '../runtime/sweep.ts'
import { isTerminal, say } from '../runtime/terminal.ts'
import { tempFolder } from '../runtime/usual-places.ts'

const STDOUT = 1
const STDERR = 2
/** The exit code when something survived. */
const SURVIVED = 3

/**
 * Runs a one-off process with the terminal: the process type of that name (more words are added to its
 * command), or with `--` before the words, or if there is no such type, a command. Its own exit code, or
 * 128 + its signal.
 */
export async function run(words: readonly string[], separated: boolean, flags: Flags): Promise<number> {
  closeInheritedDescriptors()
  const app = loadApp(flags, process.env)
  requireVariables(app)
  const token = randomBytes(8).toString('hex')
  const scratch = join(tempFolder(), `tw-run-${token}`)
  const { executable, port } = meaningOf(words, separated, app)
  const color = wantsColor(app.settings.color, process.env, isTerminal(STDOUT)) && isTerminal(STDOUT)
  const id = processId('run', randomInt(1000, 10_000))
  const injection = { id, token, port, scratch, root: app.root, color }
  const env = valuesOf(environmentFor(app.layers, app.settings.envPrecedence, injection))
  const { graceMs } = app.settings
  const relay = new SignalRelay(graceMs)
  mkdirSync(scratch, { mode: 0o700 })
  try {
    const code = await runOneOff(executable, { cwd: app.root, env, relay })
    const survivors = await sweep(token, { graceMs, hurry: relay.hurry })
    if (survivors.length === 0) return code
    const list = survivors.map(({ pid, command }) => `${command} (pid ${pid})`).join(', ')
    say(STDERR, `tw-run: still running, and could not be stopped: ${list}\n`)
    return SURVIVED
  } finally {
    await rm(scratch, { recursive: true, force: true })
    relay.release()
  }
}

/** What the words mean, and the port for it: past those of the type's processes, which may be running. */
function meaningOf(
  words: readonly string[],
  separated: boolean,
  { types, counts, ports, settings }: App,
): { executable: Executable; port: number } {
  const [first = '', ...rest] = words
  const type = separated ? undefined : types.find(({ name }) => name === first)
  if (type !== undefined) {
    const { command, port } = planOf(type, (counts.get(type.name) ?? 0) + 1, ports)
    const args =
      rest.length === 0
        ? ['-c', shellText(command)]
        : ['-c', shellText(`${command} "$@"`), type.name, ...rest]
    return { executable: { file: '/bin/sh', args }, port }
  }
  // One word with a blank or a shell's signs in it was quoted to be one: it is for the shell.
  const isForShell = rest.length === 0 && /[^A-Za-z0-9_@%+=:,./-]/.test(first)
  const executable = isForShell
    ? { file: '/bin/sh', args: ['-c', shellText(first)] }
    : { file: first, args: rest }
  return { executable, port: settings.port }
}
