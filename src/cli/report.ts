import { TwRunError } from '../core/error.ts'
import { failedWith } from '../runtime/system-error.ts'
import { letGoOfClosedTerminal, mention } from '../runtime/terminal.ts'
import { readVersion } from './version-text.ts'

/** Does the work of a command; what it throws is said and becomes the exit code, and so does a code that it returns. */
export async function carryOut(work: () => Promise<number | undefined | void>): Promise<void> {
  const code = await work().catch(report)
  letGoOfClosedTerminal()
  if (code === undefined) return
  // Whatever was begun before it failed, such as a view, would keep us alive; all that was said has been written.
  process.exit(code)
}

function report(error: unknown): number {
  if (error instanceof TwRunError) return reportRefusal(error)
  if (failedWith(error, 'EMFILE', 'ENFILE')) return reportRefusal(outOfDescriptors())
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  mention(`tw-run: this is a bug in tw-run${knownVersion()}, please report it with these lines:\n${stack}\n`)
  return 1
}

function outOfDescriptors(): TwRunError {
  return new TwRunError('too many open files: tw-run cannot go on with so few', {
    exitCode: 1,
    hint: 'allow more of them, such as: ulimit -n 1024',
  })
}

/** What failed may have left no descriptor to read it with. */
function knownVersion(): string {
  try {
    return ` ${readVersion()}`
  } catch {
    return ''
  }
}

function reportRefusal({ name, message, hint, exitCode }: TwRunError): number {
  // An InputError is lines of its own, each with its place; its class is not loaded for the sake of a test here.
  mention(name === 'InputError' ? `${message}\n` : `tw-run: ${message}\n`)
  if (hint !== undefined) mention(`  hint: ${hint}\n`)
  return exitCode
}
