import { readFileSync } from 'node:fs'

/** The version in the package's own package.json. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}

/** What `tw-run version` prints. */
export function versionLine(): string {
  return `tw-run ${readVersion()}\n`
}
