import { Command, InvalidArgumentError, Option } from 'commander'
import { duration } from '../core/duration.ts'
import type { Flags } from '../core/settings.ts'
import { flagsOf, withOptions } from './options.ts'

export interface WithOptions {
  /** ms, from the start to the end of the command. */
  readonly limit?: number
  /** Files to be written. */
  readonly report?: string
  readonly junit?: string
  /** ms. */
  readonly readyWithin?: number
  readonly stopWithin?: number
}

/** The options of `with` that are not of the formation, under their names on the command line. */
interface Typed {
  readonly timeout?: number
  readonly grace?: string
  readonly report?: string
  readonly junit?: string
  readonly readyWithin?: number
  readonly stopWithin?: number
}

export function withCommand(): Command {
  const command = new Command('with')
    .description('start the formation, run a command when all is ready, stop everything: for tests and CI')
    .usage('[options] -- <command...>')
    .argument('<command...>', 'the command and its arguments; its exit code is that of tw-run')
    .passThroughOptions()
    .addOption(
      new Option('--timeout <time>', 'end the command after so long, with 124: 90s, 10m').argParser(time),
    )
    .option('-t, --grace <seconds>', 'from the stop signal to SIGKILL (default: 5)')
    .option('--report <file>', 'write what happened as JSON')
    .option('--junit <file>', "write what happened as JUnit's XML")
    .addOption(
      new Option('--ready-within <time>', 'a process that is ready later is a failure, 3').argParser(time),
    )
    .addOption(
      new Option('--stop-within <time>', 'a process that stops more slowly is a failure, 3').argParser(time),
    )
  withOptions(
    command,
    'app',
    'environment',
    'formation',
    'restart',
    'output',
    'color',
    'state',
    'release',
    'sharing',
  )
  return command.action(async (words: string[]) => {
    const { timeout, grace, report, junit, readyWithin, stopWithin, ...flags } = typedIn(command)
    const options = { limit: timeout, report, junit, readyWithin, stopWithin }
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
    const { withFormation } = await import('./with-action.ts')
    process.exitCode = await withFormation(
      words,
      { ...flags, ...(grace === undefined ? {} : { timeout: grace }) },
      given,
    )
  })
}

/** `--timeout` is another thing here than for `start`, where it is the grace period. */
function typedIn(command: Command): Omit<Flags, 'timeout'> & Typed {
  return flagsOf(command) as unknown as Omit<Flags, 'timeout'> & Typed
}

function time(text: string): number {
  const reading = duration(text)
  if ('not' in reading) throw new InvalidArgumentError(`It is not ${reading.not}.`)
  return reading.value
}
