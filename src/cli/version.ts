import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { say } from '../runtime/terminal.ts'

/** The version in the package's own package.json. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}

export function versionCommand(): Command {
  return new Command('version').description('print the version').action(() => {
    say(1, `tw-run ${readVersion()}\n`)
  })
}
