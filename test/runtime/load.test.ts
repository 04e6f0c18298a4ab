import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { TwRunError } from '../../src/core/error.ts'
import type { Flags } from '../../src/core/settings.ts'
import { loadLayers } from '../../src/runtime/env-files.ts'
import { loadApp, requireProcesses } from '../../src/runtime/load.ts'
import { makeApp, type TestApp } from '../support/rig.ts'

const apps: TestApp[] = []
afterEach(() => {
  for (const app of apps.splice(0)) app.cleanup()
})

function appWith(files: Record<string, string>): TestApp {
  const app = makeApp(files)
  apps.push(app)
  return app
}

const load = (app: TestApp, flags: Flags = {}, shell = {}) => loadApp({ root: app.root, ...flags }, shell)

describe('where an app is', () => {
  test('the root is a real path, whatever link leads there', () => {
    const app = appWith({ 'real/Procfile': 'web: a' })
    symlinkSync(app.path('real'), app.path('link'))
    expect(loadApp({ root: app.path('link') }, {}).root).toBe(app.path('real'))
  })

  test('the folder of the Procfile is the root, where none is named', () => {
    const app = appWith({ 'sub/Procfile.dev': 'web: a', 'sub/.env': 'A=1' })
    const loaded = loadApp({ procfile: app.path('sub/Procfile.dev') }, {})
    expect(loaded.root).toBe(app.path('sub'))
    expect(loaded.layers.files).toEqual([{ name: '.env', entries: { A: '1' } }])
  })

  test('names are looked for in the root, where one is named', () => {
    const app = appWith({ 'Procfile.dev': 'web: a', 'dev.env': 'A=1' })
    const loaded = load(app, { procfile: 'Procfile.dev', env: ['dev.env'] })
    expect([loaded.procfile, loaded.envFiles[0]?.path]).toEqual([
      app.path('Procfile.dev'),
      app.path('dev.env'),
    ])
  })

  test('a Procfile that is named in .env', () => {
    const app = appWith({ '.env': 'TW_RUN_PROCFILE=config/Procfile', 'config/Procfile': 'job: a' })
    expect(load(app).types.map(({ name }) => name)).toEqual(['job'])
  })
})

describe('the environment', () => {
  test('comes from .env, if there is one', () => {
    expect(load(appWith({ Procfile: 'web: a' })).layers.files).toEqual([])
  })

  test('comes from several files, in the order they are named', () => {
    const app = appWith({ Procfile: 'web: a', a: 'X=1', b: 'X=2', c: 'X=3', '.env': 'Y=1' })
    expect(load(app, { env: ['a,b', 'c'] }).layers.files.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(load(app, {}, { TW_RUN_ENV: 'c, a' }).layers.files.map(({ name }) => name)).toEqual(['c', 'a'])
  })

  test('is read again when it is asked for again', () => {
    const app = appWith({ Procfile: 'web: a', '.env': 'X=1' })
    const { envFiles } = load(app)
    writeFileSync(app.path('.env'), 'X=2')
    expect(loadLayers(envFiles, { Y: '3', Z: undefined })).toEqual({
      files: [{ name: '.env', entries: { X: '2' } }],
      shell: { name: 'shell', entries: { Y: '3' } },
    })
  })
})

test('a formation, ports and options come together in a plan', () => {
  const app = appWith({
    Procfile: 'web: a\nrelease: m\nworker: b',
    '.env': 'TW_RUN_FORMATION=web=2\nPORT=6000',
  })
  const { plan, counts, ports } = load(app, { except: [] })
  expect(plan.map(({ id, port }) => `${id} ${port}`)).toEqual(['web.1 6000', 'web.2 6001', 'worker.1 6200'])
  expect([counts.get('release'), ports.get('release')]).toEqual([0, 6100])
})

test('the state directory is where the one who named it stands', () => {
  const app = appWith({ Procfile: 'web: a', '.env': 'TW_RUN_STATE_DIR=state' })
  expect(load(app).stateDir).toBe(app.path('state'))
  expect(loadApp({ procfile: app.path('Procfile') }, { TW_RUN_STATE_DIR: 's' }).stateDir).toBe(
    `${realpathSync(process.cwd())}/s`,
  )
})

test.each([
  ['web: a', { formation: 'web=0' }, 'give it one: --formation web=1'],
  ['release: a', {}, 'the Procfile has only stages; run one with: tw-run run release'],
])('a formation without a process is refused by what needs one: %j', (procfile, flags, hint) => {
  const app = load(appWith({ Procfile: procfile }), flags)
  expect(() => requireProcesses(app)).toThrow(
    new TwRunError('nothing to run: the formation has no process', { exitCode: 2, hint }),
  )
})

test('a folder in the place of the Procfile is an error of its own', () => {
  const app = appWith({})
  mkdirSync(app.path('Procfile'))
  expect(() => load(app)).toThrow('cannot read Procfile: it is a directory, not a file')
})
