import { expect, vi } from 'vitest'
import { found, plantedApp, prove } from '../support/prove.ts'
import type { Proved } from '../support/prove.ts'
import { requires } from '../support/requirement.ts'

const test = requires('linux')
vi.setConfig({ testTimeout: 90_000 })
const SHORT = ['--for', '1s', '-m', 'web=2'] as const
const IN_MEMORY = 'web: node session-in-memory.js\n'
const LOG_IN = ['--', 'node', 'log-in.js'] as const

/** A value that one process knows, beside a cookie that says nothing. */
const THEME = {
  'themed.js':
    `import { randomUUID } from 'node:crypto'\nimport { serve } from './serve.js'\nlet value = ''\n` +
    `serve(({ method, url }) => {\n  if (method === 'PUT') value = url\n` +
    "  return { text: value, headers: { 'set-cookie': `theme=${randomUUID()}` } }\n})\n",
  'put.js':
    'const base = process.env.BASE_URL\n' +
    `const { headers } = await fetch(base + '/a', { method: 'PUT' })\n` +
    `const cookie = headers.get('set-cookie')\n` +
    `const text = await (await fetch(base + '/b', { headers: { cookie } })).text()\n` +
    `if (text !== '/a') throw new Error('the value is ' + text)\n`,
}

/** What is meant to be so, each as `rule subject`. */
function ignoredIn({ report }: Proved): string[] {
  return (report?.ignored ?? []).map(({ rule, subject }) => `${rule} ${subject}`)
}

test('a session that is ignored is no reason for the tests to fail, and the proof goes on', async () => {
  const result = await prove(plantedApp(IN_MEMORY), [...SHORT, '--ignore', 'session:sid', ...LOG_IN])
  const seen = { code: result.code, found: found(result), ignored: ignoredIn(result) }
  expect(seen, result.stdout).toEqual({ code: 3, found: ['tests tests'], ignored: ['session sid'] })
  expect(result.stdout).toMatch(/\n {2}✘ session {3}the tests passed .* failed .*--ignore tests\n/)
  expect(result.stdout).toMatch(/\n {2}- session {3}cookie "sid" .* \(ignored\)\n/)
  expect(result.report?.proof.failed).toBeGreaterThan(0)
  expect(new Set(result.report?.proof.order)).toEqual(new Set(['web.1', 'web.2']))
})

test('tests that fail are ignored only by that name, and nowhere said to have passed', async () => {
  const args = [...SHORT, '--ignore', 'session:sid', '--ignore', 'tests', ...LOG_IN]
  const result = await prove(plantedApp(IN_MEMORY), args)
  const seen = { code: result.code, found: found(result), ignored: ignoredIn(result) }
  expect(seen, result.stdout).toEqual({ code: 0, found: [], ignored: ['session sid', 'tests tests'] })
  expect(result.stdout).not.toMatch(/✔ session|tests passed \d|add --ignore/)
  const { failed = 0, rounds, order } = result.report?.proof ?? {}
  expect(result.stdout).toContain(`\n  - session   the tests failed in ${failed} of ${rounds} rounds`)
  expect(result.stdout).toMatch(/\n {2}share-nothing: nothing found but what is ignored, in [\d.]+ s\n$/)
  expect(new Set(order)).toEqual(new Set(['web.1', 'web.2']))
  // What the tests printed when they failed.
  expect(result.stdout).toMatch(/^ {2}\| /m)
})

test('a cookie that is ignored hides nothing that it has not to do with', async () => {
  const app = plantedApp('web: node themed.js\n', THEME)
  const result = await prove(app, [...SHORT, '--ignore', 'session:theme', '--', 'node', 'put.js'])
  const seen = { code: result.code, found: found(result), ignored: ignoredIn(result) }
  expect(seen, result.stdout).toEqual({ code: 3, found: ['tests tests'], ignored: ['session theme'] })
})

test('one finding of several that is ignored leaves the failure to the others', async () => {
  const args = [...SHORT, '--ignore', 'session:theme', ...LOG_IN]
  const result = await prove(plantedApp(IN_MEMORY), args)
  expect({ code: result.code, found: found(result) }, result.stdout).toEqual({
    code: 3,
    found: ['session sid'],
  })
})

test('a formation that does not last is not what the tests are ignored for', async () => {
  const app = plantedApp('web: node once.js\n', {
    'once.js': `import { serve } from './serve.js'\nif (process.env.PS === 'web.2') process.exit(5)\nserve(() => ({}))\n`,
    'app.json': JSON.stringify({ 'tw-run': { web: { restart: 'no' } } }),
  })
  const result = await prove(app, [...SHORT, '--ignore', 'tests', '--', 'node', 'visit.js'])
  expect({ code: result.code, found: found(result) }, result.stdout).toEqual({
    code: 3,
    found: ['tests formation'],
  })
})
