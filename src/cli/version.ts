import { Command } from 'commander'
import { say } from '../runtime/terminal.ts'
import { versionLine } from './version-text.ts'

export function versionCommand(): Command {
  return new Command('version').description('print the version').action(() => {
    say(1, versionLine())
  })
}
