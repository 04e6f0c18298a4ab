import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { makeApp } from '../support/rig.ts'

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
const readme = read('README.md')
const app = makeApp({ Procfile: 'web: node web.js\n' })
afterAll(() => app.cleanup())

test('the commands of the README are those of the help', async () => {
  const inReadme = [...readme.matchAll(/^\| `tw-run ([a-z]+)/gm)].map(([, name]) => name)
  const help = await app.cli(['help'])
  const inHelp = [...help.stdout.matchAll(/^ {2}([a-z]+)(?:\|[a-z]+)? /gm)].map(([, name]) => name)
  expect(new Set(inReadme)).toEqual(new Set(inHelp))
})

/** What is said on the command line or not at all. */
const WITHOUT_VARIABLE = ['detach', 'wait', 'publish', 'read-only']

test('the options of the README are those of start, each with its variable', async () => {
  const { stdout: help } = await app.cli(['help', 'start'])
  const rows = [...readme.matchAll(/^\| `(?:-\w, )?--(?:no-)?([a-z-]+).*?\| (?:`(\w+)(?:=0)?`|none) \|/gm)]
  for (const [, name = '', variable] of rows) {
    const own = `TW_RUN_${name.replaceAll('-', '_').toUpperCase()}`
    expect(variable, name).toBe(WITHOUT_VARIABLE.includes(name) ? undefined : own)
  }
  const inHelp = [...help.matchAll(/^ {2}(?:-\w, )?--(?:no-)?([a-z-]+)/gm)].map(([, name]) => name ?? '')
  const others = ['concurrency', 'help']
  expect(new Set(rows.map(([, name]) => name))).toEqual(
    new Set(inHelp.filter((name) => !others.includes(name))),
  )
})

test('the two commands are those of package.json and of CI', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  expect([...readme.matchAll(/^npm ci && npm (?:run )?(\w+)$/gm)].map(([, name]) => name)).toEqual([
    'demo',
    'test',
  ])
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['demo', 'test']))
  expect(read('.ci/run')).toMatch(/^npm ci$[^]*^npm test /m)
})

test('the examples it points to are there', () => {
  for (const [, path = ''] of readme.matchAll(/\]\((examples\/[\w-]+)\)/g)) {
    expect(read(`${path}/Procfile`)).not.toBe('')
    expect(read(`${path}/README.md`)).not.toBe('')
  }
})
