import { Command } from 'commander'
import { FORMATS } from '../exporters/index.ts'
import type { ExportOptions } from './export-action.ts'
import { flagsOf, withOptions } from './options.ts'

export function exportCommand(): Command {
  const list = [...FORMATS].map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`).join('\n')
  const command = new Command('export')
    .description('write the app as files for a service manager or an engine')
    .argument('<format>', 'one of those below')
    .argument('[folder]', 'where to write; -, the default, prints instead')
    .option('--app <name>', 'the name of the app (default: that of its folder)')
    .option(
      '--user <name>',
      'the user that processes run as (default: you, where the manager is of this machine)',
    )
    .option('--image <image>', 'the container image, such as registry/app:42')
    .option('--dry-run', 'say what would be written, and write nothing')
    .option('--force', 'overwrite also what tw-run did not write')
    .option('--show-values', 'print the values of the environment too, secrets included')
    .addHelpText('after', `\nFormats:\n${list}`)
  withOptions(command, 'app', 'formation', 'stop', 'restart')
  return command.action(async (format: string, folder = '-') => {
    const { exportApp } = await import('./export-action.ts')
    await exportApp(format, folder, flagsOf(command) as ExportOptions)
  })
}
