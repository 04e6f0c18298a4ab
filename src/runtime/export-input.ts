import { userInfo } from 'node:os'
import { basename } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { isStage } from '../core/names.ts'
import { printable } from '../core/printable.ts'
import type { RestartPolicy } from '../core/process.ts'
import type { ProcessType } from '../core/procfile.ts'
import { rulesOf } from '../core/rules-of.ts'
import type { Flags } from '../core/settings.ts'
import { sharedEnvironment, withoutValues } from '../exporters/environment.ts'
import type { ExportInput, ExportType } from '../exporters/input.ts'
import type { App } from './load.ts'

/** What the options of an export say, beside those of every command. */
export interface ExportChoices {
  readonly app?: string
  readonly user?: string
  readonly image?: string
  /** Names only: the text goes where anybody may look. */
  readonly hideValues?: boolean
}

/** An app as exporters and engines see it, and what of it is lost. Errors: TwRunError of exit code 2. */
export function exportInput(
  app: App,
  flags: Flags,
  choices: ExportChoices,
): { input: ExportInput; notes: readonly string[] } {
  const { root, types, layers, manifest } = app
  const files = [manifest.defaults, ...layers.files.map(({ entries }) => entries)]
  const { environment, notes } = sharedEnvironment(
    choices.hideValues === true ? files.map(withoutValues) : files,
  )
  const user = choices.user === undefined ? undefined : checkedUser(choices.user)
  const input: ExportInput = {
    app: choices.app === undefined ? nameOf(root) : checkedName(choices.app),
    root,
    types: types.filter(({ name }) => !isStage(name)).map((type) => exportType(type, app, flags)),
    stages: types.filter(({ name }) => isStage(name)).map(({ name, command }) => ({ name, command })),
    environment,
    user,
    localUser: user ?? whoExports(process.env),
    image: choices.image,
  }
  return { input, notes }
}

function exportType(type: ProcessType, app: App, flags: Flags): ExportType {
  const { settings, manifest, limits, counts, ports } = app
  const { name, command } = type
  const mayExit = manifest.rules.get(name)?.mayExit === true
  const restart = saidRestart(app, flags) ? settings.restart : usualRestart(mayExit)
  const rules = rulesOf(type, { ...settings, restart, router: undefined }, manifest, limits)
  return { name, command, count: counts.get(name) ?? 0, firstPort: ports.get(name) ?? 0, rules }
}

/**
 * Under `tw-run start` the first process to end ends the run, since somebody looks on. Nobody looks on at a
 * service manager: it starts again what ended, except what may come to its end.
 */
function usualRestart(mayExit: boolean): RestartPolicy {
  return { when: mayExit ? 'on-failure' : 'always' }
}

function saidRestart({ layers }: App, { restart }: Flags): boolean {
  const places = [layers.shell, ...layers.files]
  return restart !== undefined || places.some(({ entries }) => (entries['TW_RUN_RESTART'] ?? '') !== '')
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/

function checkedName(name: string): string {
  if (NAME.test(name)) return name
  throw new TwRunError(`--app: "${printable(name)}" cannot name files and services`, {
    exitCode: 2,
    hint: 'use letters, digits, "-" and "_", at most 63 of them',
  })
}

/** The folder's name, with what no service manager takes left out. */
function nameOf(root: string): string {
  const name = basename(root)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '-')
    .replaceAll(/^[-_]+|[-_]+$/g, '')
  return name === '' ? 'app' : name.slice(0, 40)
}

function checkedUser(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(name)) return name
  throw new TwRunError(`--user: "${printable(name)}" is no name of a user`, {
    exitCode: 2,
    hint: 'name a user of this machine, or its number',
  })
}

/** Also behind sudo; undefined for root, who needs no change of user, and where the user has no name. */
function whoExports(shell: NodeJS.ProcessEnv): string | undefined {
  if (process.getuid?.() === 0) {
    const behind = shell['SUDO_USER'] ?? ''
    return behind === '' || behind === 'root' ? undefined : checkedUser(behind)
  }
  try {
    return userInfo().username
  } catch {
    // A container often runs as a number without a name.
    return undefined
  }
}
