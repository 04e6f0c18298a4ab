import { Command } from 'commander'
import type { Diagnostic } from '../core/diagnostic.ts'
import { TwRunError } from '../core/error.ts'
import type { App } from '../runtime/load.ts'
import { say } from '../runtime/terminal.ts'
import { flagsOf, withOptions } from './options.ts'

export function checkCommand(): Command {
  const command = new Command('check')
    .description('check Procfile, app.json, environment files, formation and ports, and start nothing')
    .argument('[type...]', 'only these types (default: all but the stages)')
    .option('--json', 'print JSON')
  withOptions(command, 'app', 'environment', 'formation', 'stop', 'restart', 'state')
  return command.action(async (types: string[]) => {
    const { json } = command.opts<{ json?: true }>()
    await (json === true ? checkAsJson : check)(types, command)
  })
}

async function check(types: string[], command: Command): Promise<void> {
  const { formatDiagnostic } = await import('../core/diagnostic.ts')
  const { app, notes } = await examine(types, command)
  say(1, `valid Procfile: ${app.types.map(({ name }) => name).join(', ')}\n`)
  for (const note of notes) say(1, `${formatDiagnostic(note)}\n`)
}

/** The app, and what is no error in it but worth a word. Errors: TwRunError, as `start` would have them. */
async function examine(types: string[], command: Command): Promise<{ app: App; notes: Diagnostic[] }> {
  const { requireLastingFiles } = await import('../runtime/lasting-files.ts')
  const { loadApp, requireStart } = await import('../runtime/load.ts')
  const { portabilityNotes } = await import('../core/portability.ts')
  const flags = flagsOf(command)
  requireLastingFiles(flags, process.env)
  const app = loadApp({ ...flags, types }, process.env)
  requireStart(app)
  const notes = portabilityNotes(app.types, app.procfileText, app.settings.procfile)
  return { app, notes: [...app.warnings, ...notes] }
}

async function checkAsJson(types: string[], command: Command): Promise<void> {
  try {
    const { app, notes } = await examine(types, command)
    sayVerdict({
      valid: true,
      types: app.types.map(({ name }) => name),
      diagnostics: notes.map(withoutSource),
    })
  } catch (error) {
    if (!(error instanceof TwRunError)) throw error
    process.exitCode = error.exitCode
    sayVerdict({ valid: false, types: [], diagnostics: await diagnosticsOf(error) })
  }
}

interface Verdict {
  readonly valid: boolean
  readonly types: readonly string[]
  /** Without file and line where a wrong option or a missing file has none. */
  readonly diagnostics: readonly object[]
}

function sayVerdict(verdict: Verdict): void {
  say(1, `${JSON.stringify(verdict)}\n`)
}

async function diagnosticsOf(error: TwRunError): Promise<object[]> {
  const { InputError } = await import('../core/diagnostic.ts')
  if (!(error instanceof InputError)) return [{ severity: 'error', message: error.message, hint: error.hint }]
  const problems = error.problems.map((problem) => ({ severity: 'error', ...problem }))
  return [...error.diagnostics.map(withoutSource), ...problems]
}

/** Without the line itself, which the reader has. */
function withoutSource(diagnostic: Diagnostic): object {
  return { ...diagnostic, source: undefined }
}
