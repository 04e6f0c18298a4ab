import { Command } from 'commander'
import { flagsOf, withOptions } from './options.ts'
import { requireCommand } from './require-command.ts'

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
    requireCommand(words, 'name a process type, or a command: tw-run run -- <command>')
    const { reachEngine } = await import('./engine.ts')
    const { reached } = await reachEngine(flagsOf(command))
    if (reached !== undefined) {
      const { runOn } = await import('./engine-logs-action.ts')
      process.exitCode = await runOn(reached, words, isSeparated(words, process.argv), flagsOf(command))
      return
    }
    const { run } = await import('./run-action.ts')
    process.exitCode = await run(words, isSeparated(words, process.argv), flagsOf(command))
  })
}

/** Whether `--` stood before the words, which commander drops: they are always the tail of the command line. */
export function isSeparated(words: readonly string[], argv: readonly string[]): boolean {
  return argv.at(-words.length - 1) === '--'
}
