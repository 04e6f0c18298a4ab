import { Command } from 'commander'
import { flagsOf, withOptions } from './options.ts'

export function runCommand(): Command {
  const command = new Command('run')
    .description(
      'run a one-off process: the type of that name, or any command, in the environment of the app',
    )
    .usage('[options] <type | command...>\n       tw-run run [options] -- <command...>')
    .argument('<words...>', 'a process type, or a command and its arguments')
    .passThroughOptions()
  withOptions(command, 'app', 'environment', 'formation', 'stop', 'color', 'state', 'engine', 'image')
  return command.action(async (words: string[]) => {
    const { runAsAsked } = await import('./run-as-asked.ts')
    process.exitCode = await runAsAsked(words, isSeparated(words, process.argv), flagsOf(command))
  })
}

/** Whether `--` stood before the words, which commander drops: they are always the tail of the command line. */
export function isSeparated(words: readonly string[], argv: readonly string[]): boolean {
  return argv.at(-words.length - 1) === '--'
}
