import { Command, InvalidArgumentError, Option } from 'commander'
import { duration } from '../core/duration.ts'
import { flagsOf, withOptions } from './options.ts'

export interface ProveOptions {
  readonly seed?: number
  /** ms. */
  readonly for?: number
  /** ms. */
  readonly limit?: number
  readonly kill?: true
  readonly report?: string
  readonly ignore?: readonly string[]
  readonly keep?: readonly string[]
  readonly path?: readonly string[]
}

const OWN: readonly string[] = ['seed', 'for', 'limit', 'kill', 'report', 'ignore', 'keep', 'path']

export function proveCommand(): Command {
  const command = new Command('prove')
    .description(
      'prove that the app is share-nothing: its tests pass whichever process answers, and nothing is kept',
    )
    .usage('[options] -- <test command...>\n       tw-run prove [options] --path <path>')
    .argument('[command...]', 'the test command; it finds the app in BASE_URL, TW_RUN_URL and PORT')
    .passThroughOptions()
    .addOption(
      new Option('--seed <n>', 'replace processes in this order (default: any)').argParser(wholeNumber),
    )
    .addOption(
      new Option('--for <time>', 'go on for at least so long: 60s, 5m (default: 5s)').argParser(time),
    )
    .addOption(
      new Option(
        '--limit <time>',
        'longest time of the tests (default: 10 times as long as undisturbed)',
      ).argParser(time),
    )
    .option('--kill', 'replace processes by SIGKILL, web when it has answered')
    .option('--report <file>', 'write the verdict as JSON')
    .addOption(
      new Option('--ignore <finding>', 'what is meant to be so: files:coverage/**').argParser(collect),
    )
    .addOption(
      new Option('--keep <types>', 'backing services: one process each, and left alone').argParser(collect),
    )
    .addOption(
      new Option('--path <path>', 'without tests: show a cookie of one process to the others').argParser(
        collect,
      ),
    )
  withOptions(command, 'app', 'environment', 'formation', 'limits', 'stop', 'color', 'state', 'release')
  return command.action(async (words: string[]) => {
    const { path } = command.opts<ProveOptions>()
    if ((words.length === 0) === (path === undefined)) {
      command.error("error: give either a test command after '--', or a page with '--path'", { exitCode: 2 })
    }
    const { prove } = await import('./prove-action.ts')
    const flags = Object.fromEntries(Object.entries(flagsOf(command)).filter(([name]) => !OWN.includes(name)))
    process.exitCode = await prove(words, flags, command.opts<ProveOptions>())
  })
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is a whole number, such as 4181.')
  return Number(text)
}

function time(text: string): number {
  const reading = duration(text)
  if ('not' in reading) throw new InvalidArgumentError(`It is not ${reading.not}.`)
  return reading.value
}
