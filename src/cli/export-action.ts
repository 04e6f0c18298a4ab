import { join, resolve } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { didYouMean } from '../core/names.ts'
import { printable } from '../core/printable.ts'
import { quoteSh } from '../core/quote-sh.ts'
import type { Flags } from '../core/settings.ts'
import { FORMATS } from '../exporters/index.ts'
import type { ExportedFile, Exporter, Rendering } from '../exporters/input.ts'
import { leftovers, planFiles, writeFiles } from '../runtime/export-files.ts'
import type { Fate, PlannedFile } from '../runtime/export-files.ts'
import { exportInput } from '../runtime/export-input.ts'
import type { ExportChoices } from '../runtime/export-input.ts'
import { loadApp, requireProcesses } from '../runtime/load.ts'
import { mention, say } from '../runtime/terminal.ts'
import { table } from './messages.ts'

export type ExportOptions = Flags & Omit<ExportChoices, 'hideValues'> & ExportSwitches

interface ExportSwitches {
  readonly dryRun?: true
  readonly force?: true
  readonly showValues?: true
}

const STDOUT = 1

/** Renders an app in a format, and prints it, writes it to a folder, or says what it would write. */
export async function exportApp(format: string, folder: string, options: ExportOptions): Promise<void> {
  const { app: name, user, image, dryRun, force, showValues, ...flags } = options
  const exporter = await exporterFor(format)
  const app = loadApp(flags, process.env)
  requireProcesses(app)
  const isPrinted = folder === '-'
  const hideValues = isPrinted && showValues !== true
  const choices = { ...given({ app: name, user, image }), hideValues }
  const { input, notes } = exportInput(app, flags, choices)
  const rendering = exporter(input)
  const target = {
    folder: resolve(isPrinted ? '.' : folder),
    isDry: dryRun === true,
    isForced: force === true,
  }
  const isWritten = !isPrinted || target.isDry
  if (isWritten) write(rendering, target)
  else print(rendering)
  const isHidden =
    isPrinted &&
    hideValues &&
    dryRun !== true &&
    app.layers.files.some(({ entries }) => Object.keys(entries).length > 0)
  const hidden = isHidden ? ['values of the environment are hidden; print them with --show-values'] : []
  const left = isWritten ? leftoverNotes(rendering, input.app, target.folder) : []
  for (const note of [...notes, ...rendering.notes, ...hidden, ...left]) mention(`note: ${note}\n`)
}

/** They are the user's to remove: they may hold what tw-run knows nothing of, such as the logs of a service. */
function leftoverNotes({ files }: Rendering, app: string, folder: string): string[] {
  const names = leftovers(folder, files)
  if (names.length === 0) return []
  const paths = names.map((name) => shellWord(join(folder, name))).join(' ')
  return [
    `left from an earlier export, no part of ${app} any more, and still run by what runs this folder: ` +
      `${printable(names.join(', '))}; remove with: rm -r ${printable(paths)}`,
  ]
}

function shellWord(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : quoteSh(path)
}

function given(choices: {
  readonly [name in keyof ExportChoices]: ExportChoices[name] | undefined
}): ExportChoices {
  return Object.fromEntries(Object.entries(choices).filter(([, value]) => value !== undefined))
}

async function exporterFor(format: string): Promise<Exporter> {
  const known = FORMATS.get(format)
  if (known !== undefined) return known.load()
  throw new TwRunError(`unknown format "${printable(format)}"`, {
    exitCode: 2,
    hint: didYouMean(format, [...FORMATS.keys()], 'formats'),
  })
}

/** One file as it is; before each of several, a line that names it. */
function print({ files }: Rendering): void {
  const isAlone = files.length === 1
  for (const file of files)
    say(STDOUT, isAlone ? file.text : `# ${file.path} (mode ${modeOf(file)})\n\n${file.text}\n`)
}

interface Target {
  /** Absolute. */
  readonly folder: string
  readonly isDry: boolean
  readonly isForced: boolean
}

function write({ files, next }: Rendering, { folder, isDry, isForced }: Target): void {
  const planned = planFiles(folder, files)
  if (isDry) say(STDOUT, report(planned, isForced))
  if (!isForced) refuseForeign(planned)
  if (isDry) return
  writeFiles(planned)
  say(STDOUT, `${report(planned, isForced)}next: ${next}\n`)
}

function refuseForeign(planned: readonly PlannedFile[]): void {
  const foreign = planned.filter(({ fate }) => fate === 'refuse')
  const [first] = foreign
  if (first === undefined) return
  const more = foreign.length > 1 ? ` and ${foreign.length - 1} more` : ''
  throw new TwRunError(`${printable(first.path)}${more}: not made by tw-run, so it is not overwritten`, {
    exitCode: 1,
    hint: 'export to another folder, or overwrite it with --force',
  })
}

function report(planned: readonly PlannedFile[], isForced: boolean): string {
  return table(
    planned.map(({ path, fate, file }) => [
      isForced && fate === 'refuse' ? 'overwrite' : fate,
      modeOf(file),
      printable(path) + remarkOn(fate, isForced),
    ]),
  )
}

function remarkOn(fate: Fate, isForced: boolean): string {
  if (fate !== 'refuse') return ''
  return isForced ? ' (not made by tw-run)' : ' (not made by tw-run; --force overwrites it)'
}

function modeOf({ mode }: ExportedFile): string {
  return mode.toString(8).padStart(4, '0')
}
