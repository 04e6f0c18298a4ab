import { keepCompiledCode } from '../runtime/compiled-code.ts'
import { say } from '../runtime/terminal.ts'
import { plainWork } from './plain-line.ts'
import { carryOut } from './report.ts'
import { versionLine } from './version-text.ts'

const STDOUT = 1
/** Asked for alone, the version needs no parser of options, which is half of what a short command takes. */
const VERSION = ['version', '--version', '-V']

/** Runs a command line. Called by the program, so that to load this starts nothing. */
export async function run(argv: readonly string[]): Promise<void> {
  const [, , first = '', ...others] = argv
  if (others.length > 0 || !VERSION.includes(first)) return runMain(argv)
  return carryOut(async () => void say(STDOUT, versionLine()))
}

async function runMain(argv: readonly string[]): Promise<void> {
  keepCompiledCode(argv[2] ?? '')
  const work = plainWork(argv.slice(2))
  if (work !== undefined) return carryOut(work)
  const { main } = await import('./main.ts')
  return main(argv)
}
