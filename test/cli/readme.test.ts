import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { liveApp, until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
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

const BUILD_MS = 60_000

requires('git', 'setsid', 'linux')(
  'the first command shows web and worker in a fresh clone, until Ctrl-C',
  { timeout: 2 * BUILD_MS },
  async () => {
    const repository = fileURLToPath(new URL('../../', import.meta.url))
    const clone = liveApp({})
    const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: repository, encoding: 'utf8' })
    for (const name of tracked.split('\0').filter((one) => one !== ''))
      cpSync(`${repository}/${name}`, clone.path(name))
    // What `npm ci` makes, without the network.
    symlinkSync(`${repository}/node_modules`, clone.path('node_modules'))
    const demo = clone.startBy(['setsid', 'sh', '-c', 'exec npm run demo'])
    await demo.waitFor(/worker\.2 .*did job 1/, BUILD_MS)
    for (const [type, count] of Object.entries({ web: 3, worker: 2 }))
      for (let instance = 1; instance <= count; instance += 1)
        await demo.waitFor(new RegExp(`${type}\\.${instance} on \\d+ `))
    for (const offset of [0, 1, 2])
      await demo.waitFor(
        new RegExp(`web\\.${offset + 1} .*listening on http://127\\.0\\.0\\.1:${portAt(offset)}`),
      )
    // What npm says of the scripts that it runs, and nothing of the build.
    expect(demo.lines().findIndex((line) => line.includes('system   |'))).toBeLessThan(12)
    process.kill(-demo.pid, 'SIGINT')
    // npm dies of the signal too, which a shell calls 130.
    expect(await demo.ended).toBe('SIGINT')
    expect(demo.output()).toContain('all stopped, nothing left running (SIGINT)')
    await until('npm to be gone', () => clone.survivors().length === 0)
  },
)

test('the examples it points to are there', () => {
  for (const [, path = ''] of readme.matchAll(/\]\((examples\/[\w-]+)\)/g)) {
    expect(read(`${path}/Procfile`)).not.toBe('')
    expect(read(`${path}/README.md`)).not.toBe('')
  }
})
