import { keepCompiledCode } from '../runtime/compiled-code.ts'
import { letGoOfClosedTerminal, say } from '../runtime/terminal.ts'
import { versionLine } from './version-text.ts'

const STDOUT = 1
/** Asked for alone, the version needs no parser of options, which is half of what a short command takes. */
const VERSION = ['version', '--version', '-V']

async function run(argv: readonly string[]): Promise<void> {
  const [, , first = '', ...others] = argv
  if (others.length > 0 || !VERSION.includes(first)) {
    keepCompiledCode()
    const { main } = await import('./main.ts')
    return main(argv)
  }
  say(STDOUT, versionLine())
  letGoOfClosedTerminal()
}

void run(process.argv)
