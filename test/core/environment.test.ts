import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  environmentFor,
  environmentsFor,
  OWN_VARIABLES,
  valuesOf,
  wholeOf,
  type EnvironmentLayers,
} from '../../src/core/environment.ts'

const INJECTION = { id: 'web.2', token: 'tok', port: 5001, scratch: '/tmp/s', root: '/app', color: false }

function layers(shell: Record<string, string>, ...files: Record<string, string>[]): EnvironmentLayers {
  const named = files.map((entries, index) => ({ name: ['.env', '.env.local'][index] ?? '', entries }))
  return { files: named, shell: { name: 'shell', entries: shell } }
}

describe('who wins', () => {
  const found = layers({ A: 'shell' }, { A: 'file', B: 'file' }, { B: 'later' })

  test('the shell over files, a later file over an earlier one', () => {
    const environment = environmentFor(found, 'shell', INJECTION)
    expect(environment.get('A')).toEqual({ value: 'shell', origin: 'shell', shadowed: ['.env'] })
    expect(environment.get('B')).toEqual({ value: 'later', origin: '.env.local', shadowed: ['.env'] })
  })

  test('files over the shell, if that is asked for', () => {
    const environment = environmentFor(found, 'file', INJECTION)
    expect(environment.get('A')).toEqual({ value: 'file', origin: '.env', shadowed: ['shell'] })
  })

  test('everything over what app.json says', () => {
    const defaults = { name: 'app.json', entries: { A: 'default', B: 'default', C: 'default' } }
    const environment = environmentFor({ ...found, defaults }, 'shell', INJECTION)
    expect(environment.get('A')).toEqual({ value: 'shell', origin: 'shell', shadowed: ['.env', 'app.json'] })
    expect(environment.get('B')?.value).toBe('later')
    expect(environment.get('C')).toEqual({ value: 'default', origin: 'app.json', shadowed: [] })
  })

  test('what tw-run injects over everything', () => {
    const environment = environmentFor(layers({ PORT: '1' }, { PORT: '2', PS: 'x' }), 'file', INJECTION)
    expect(environment.get('PORT')).toEqual({ value: '5001', origin: 'tw-run', shadowed: ['.env', 'shell'] })
    expect(environment.get('PS')).toEqual({ value: 'web.2', origin: 'tw-run', shadowed: ['.env'] })
  })
})

test('a process gets its port, its name, its run, its scratch directory and its root', () => {
  expect(valuesOf(environmentFor(layers({}), 'shell', INJECTION))).toEqual({
    PORT: '5001',
    PS: 'web.2',
    PWD: '/app',
    PYTHONUNBUFFERED: '1',
    TMPDIR: '/tmp/s',
    TW_RUN_INSTANCE: 'tok',
    TW_RUN_PROCESS: 'web.2',
  })
})

test('of many together each gets what it would get alone', () => {
  const entries = fc.dictionary(
    fc.constantFrom(
      'A',
      'PATH',
      'PORT',
      'PS',
      'TMPDIR',
      'NO_COLOR',
      'FORCE_COLOR',
      'TW_RUN_INSTANCE',
      'TW_RUN_WITHIN',
    ),
    fc.string(),
  )
  const found = fc.tuple(entries, entries, entries, entries).map(([shell, file, later, defaults]) => ({
    ...layers(shell, file, later),
    defaults: { name: 'app.json', entries: defaults },
  }))
  const precedence = fc.constantFrom('shell' as const, 'file' as const)
  fc.assert(
    fc.property(found, precedence, fc.boolean(), (from, wins, color) => {
      const alone = valuesOf(environmentFor(from, wins, { ...INJECTION, color }))
      const among = environmentsFor(from, wins, { root: INJECTION.root, color })(INJECTION)
      expect(wholeOf(among)).toEqual(alone)
      expect(Object.keys(among.own)).toEqual(OWN_VARIABLES)
      expect(Object.keys(among.shared).filter((key) => OWN_VARIABLES.includes(key))).toEqual([])
    }),
  )
})

test('options in the shell reach the process untouched', () => {
  expect(valuesOf(environmentFor(layers({ TW_RUN_TIMEOUT: '9' }), 'shell', INJECTION))).toMatchObject({
    TW_RUN_TIMEOUT: '9',
  })
})

describe('what tw-run only suggests yields to the user', () => {
  const color = { ...INJECTION, color: true }
  test.each([
    ['colours on a colour terminal', {}, { FORCE_COLOR: '1', CLICOLOR_FORCE: '1' }],
    [
      'not over a file',
      { FORCE_COLOR: '0', PYTHONUNBUFFERED: '' },
      { FORCE_COLOR: '0', PYTHONUNBUFFERED: '' },
    ],
    [
      'not against NO_COLOR',
      { NO_COLOR: '1' },
      { NO_COLOR: '1', FORCE_COLOR: undefined, CLICOLOR_FORCE: undefined },
    ],
    ['an empty NO_COLOR is none', { NO_COLOR: '' }, { FORCE_COLOR: '1' }],
  ])('%s', (_, file, expected) => {
    const values = valuesOf(environmentFor(layers({}, file), 'shell', color))
    for (const [key, value] of Object.entries(expected)) expect([key, values[key]]).toEqual([key, value])
  })

  test('and there are no colours where there is no terminal', () => {
    expect(environmentFor(layers({}), 'shell', INJECTION).has('FORCE_COLOR')).toBe(false)
  })
})

describe('inside a process of another tw-run', () => {
  test.each([
    ['one outside', { TW_RUN_INSTANCE: 'outer' }, 'outer'],
    ['two outside', { TW_RUN_INSTANCE: 'middle', TW_RUN_WITHIN: 'outer' }, 'outer,middle'],
    ['none', {}, undefined],
  ])('%s: the tokens are handed on', (_, shell, expected) => {
    const values = valuesOf(environmentFor(layers(shell), 'shell', INJECTION))
    expect([values['TW_RUN_INSTANCE'], values['TW_RUN_WITHIN']]).toEqual(['tok', expected])
  })
})
