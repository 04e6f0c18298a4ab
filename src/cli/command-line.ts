import { keepCompiledCode } from '../runtime/keep-code.ts'
import { say } from '../runtime/terminal.ts'
import { plainWork } from './plain-line.ts'
import { carryOut } from './report.ts'
import { versionLine } from './version-text.ts'

const STDOUT = 1
/** Asked for alone, the version needs no parser of options, which is half of what a short command takes. */
const VERSION = ['version', '--version', '-V']
/** Commands that run for long. */
const LASTING = new Set(['start', 'supervise', 'route', 'run', 'with', 'prove', 'logs'])

/** Unheard, Node opens a port for a debugger at the first one, to everybody on this machine, and dies of the other. */
const UNUSED_SIGNALS = ['SIGUSR1', 'SIGUSR2'] as const

/** Does what the words of a command line ask for. */
export async function commandLine(words: readonly string[]): Promise<void> {
  const [first = '', ...others] = words
  const isLasting = LASTING.has(first)
  keepCompiledCode(isLasting)
  if (isLasting) for (const signal of UNUSED_SIGNALS) process.on(signal, () => {})
  if (others.length === 0 && VERSION.includes(first))
    return carryOut(async () => void say(STDOUT, versionLine()))
  const work = plainWork(words)
  if (work !== undefined) return carryOut(work)
  const { main } = await import('./main.ts')
  return main(words)
}
