import { keepCompiledCode } from '../runtime/keep-code.ts'
import { say } from '../runtime/terminal.ts'
import { plainWork } from './plain-line.ts'
import { carryOut } from './report.ts'
import { versionLine } from './version-text.ts'

const STDOUT = 1
/** Asked for alone, the version needs no parser of options, which is half of what a short command takes. */
const VERSION = ['version', '--version', '-V']

/** Does what the words of a command line ask for. */
export async function commandLine(words: readonly string[]): Promise<void> {
  const [first = '', ...others] = words
  keepCompiledCode(first)
  if (others.length === 0 && VERSION.includes(first))
    return carryOut(async () => void say(STDOUT, versionLine()))
  const work = plainWork(words)
  if (work !== undefined) return carryOut(work)
  const { main } = await import('./main.ts')
  return main(words)
}
