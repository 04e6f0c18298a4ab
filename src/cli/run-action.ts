import { wantsColor } from '../core/color.ts'
import { shellText } from '../core/command.ts'
import { environmentFor, valuesOf } from '../core/environment.ts'
import { planOf } from '../core/expand.ts'
import { processId } from '../core/names.ts'
import type { Flags } from '../core/settings.ts'
import { SURVIVED, stillRunning } from '../core/survivors.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { loadApp, requireVariables } from '../runtime/load.ts'
import type { App } from '../runtime/load.ts'
import { runOneOff, SignalRelay } from '../runtime/one-off.ts'
import type { Executable } from '../runtime/one-off.ts'
import { randomNumber } from '../runtime/random.ts'
import { locateStateDir } from '../runtime/state-dir.ts'
import { isTerminal, mention } from '../runtime/terminal.ts'
import { workOnRecord } from '../runtime/work-record.ts'
import type { Own } from '../runtime/work-record.ts'
import { endLeft } from './left-work.ts'

const STDOUT = 1

/**
 * Runs a one-off process with the terminal: the process type of that name (more words are added to its
 * command), or with `--` before the words, or if there is no such type, a command. Its own exit code, or
 * 128 + its signal.
 */
export async function run(words: readonly string[], separated: boolean, flags: Flags): Promise<number> {
  const app = loadApp(flags, process.env)
  // Only now: a file may have been given as one of them.
  closeInheritedDescriptors()
  requireVariables(app)
  const state = locateStateDir(app.root, app.stateDir)
  const { graceMs } = app.settings
  await endLeft(state, graceMs)
  const relay = new SignalRelay(graceMs)
  try {
    const { code, survivors } = await workOnRecord(state, { graceMs, hurry: relay.hurry }, async (own) => {
      const { executable, port } = meaningOf(words, separated, app)
      return runOneOff(executable, { cwd: app.root, env: environmentOf(app, own, port), relay })
    })
    if (survivors.length === 0) return code
    mention(`tw-run: ${stillRunning(survivors)}\n`)
    return SURVIVED
  } finally {
    relay.release()
  }
}

function environmentOf({ layers, root, settings }: App, own: Own, port: number): Record<string, string> {
  const color = wantsColor(settings.color, process.env, isTerminal(STDOUT)) && isTerminal(STDOUT)
  const id = processId('run', randomNumber())
  return valuesOf(environmentFor(layers, settings.envPrecedence, { ...own, id, port, root, color }))
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
