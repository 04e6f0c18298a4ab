import { cpSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Verdict } from '../../src/core/verdict.ts'
import { liveApp } from './live.ts'
import type { LiveApp } from './live.ts'

const PLANTED = fileURLToPath(new URL('../planted', import.meta.url))

/** What `prove` said. */
export interface Proved {
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
  /** The report; undefined if it wrote none. */
  readonly report: Verdict | undefined
}

/** An app that breaks a rule on purpose, or none, by its Procfile. */
export function plantedApp(procfile: string, files: Readonly<Record<string, string>> = {}): LiveApp {
  const app = liveApp({ Procfile: procfile, 'package.json': '{ "type": "module" }', ...files })
  cpSync(PLANTED, app.root, { recursive: true })
  return app
}

/** Proves an app; `args` are the options and the test command. */
export async function prove(
  app: LiveApp,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Proved> {
  const path = join(app.root, '../report.json')
  const result = await app.cli(['prove', '--report', path, ...args], env)
  return { ...result, report: reportIn(path) }
}

function reportIn(path: string): Verdict | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Verdict
  } catch {
    // There is none, or it was emptied and not written.
    return undefined
  }
}

/** The findings, each as `rule subject`. */
export function found({ report }: Proved): string[] {
  return (report?.findings ?? []).map(({ rule, subject }) => `${rule} ${subject}`).toSorted()
}

/** What a proof leaves behind and should not: formations' states, scratch directories and folders of its own. */
export function leftOf(app: LiveApp): string[] {
  const states = readdirSync(app.stateDir, { recursive: true, encoding: 'utf8' })
  return [
    ...states.filter((path) => /\/with\/./.test(`/${path}`)),
    ...app.scratch().filter((name) => !/^tw-run-\d{1,10}$/.test(name)),
  ]
}
