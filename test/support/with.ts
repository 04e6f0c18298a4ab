import { readFileSync } from 'node:fs'
import type { Report } from '../../src/core/report.ts'
import { liveApp } from './live.ts'
import type { LiveApp } from './live.ts'
import type { CliResult } from './rig.ts'

/** A web that listens after BOOT ms and exits with CODE after DIE ms, or when it is asked for something. */
const WEB = `
const { BOOT = '0', CODE = '9', DIE, PORT } = process.env
const die = () => {
  console.error('cannot go on')
  process.exit(Number(CODE))
}
const server = require('node:http').createServer((request, response) => {
  if (DIE === 'asked') die()
  else response.end('hello')
})
setTimeout(() => server.listen(Number(PORT), '127.0.0.1', () => console.log('listening')), Number(BOOT))
if (Number(DIE) >= 0) setTimeout(die, Number(DIE))
`

/** Asks web for something, and goes on whatever that does. */
const ASK = `
fetch(process.env.TW_RUN_URL).catch(() => {})
setTimeout(() => {}, 1e6)
`

export const PROCFILE = 'web: exec node web.js\n'

/** An app whose web listens on its port; more files, or another Procfile. */
export function webApp(files: Readonly<Record<string, string>> = {}): LiveApp {
  return liveApp({ Procfile: PROCFILE, 'web.js': WEB, 'ask.js': ASK, ...files })
}

/** The options by which every type has two ports, from this one on. */
export function portsFrom(port: number): string[] {
  return ['-p', String(port), '--port-step', '2']
}

/** Runs `tw-run with` to its end. */
export async function runWith(
  app: LiveApp,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  return await app.cli(['with', ...args], env)
}

/** What `--report` has written there. */
export function reportIn(app: LiveApp, name = 'report.json'): Report {
  return JSON.parse(readFileSync(app.path(name), 'utf8')) as Report
}
