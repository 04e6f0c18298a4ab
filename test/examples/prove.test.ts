import { appendFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { exampleApp, filesOf, startService, stopExample } from '../support/example.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { found, leftOf, prove } from '../support/prove.ts'
import { pythonWith, requires } from '../support/requirement.ts'

vi.setConfig({ testTimeout: 90_000 })

const SHORT = ['--for', '1s'] as const
const ITS_TESTS = ['--', 'node', 'test.js'] as const

const plain = requires('linux')
const redis = requires('linux', 'redis-server')
const memcached = requires('linux', 'memcached')
const django = requires('linux', 'compressor')

plain('examples/sessions-memory is found, and its cookie named', async () => {
  const app = exampleApp('sessions-memory')
  const before = filesOf(app)
  const result = await prove(app, [...SHORT, '--formation', 'web=3', ...ITS_TESTS])
  expect({ code: result.code, found: found(result) }, result.stdout).toEqual({
    code: 3,
    found: ['session sid'],
  })
  expect(result.stdout).toMatch(
    /✘ session {3}cookie "sid" set by web\.\d was unknown to web\.\d.* \(\w+ \/\w+: 302 to \/login\)\n/,
  )
  expect(result.report?.formation).toEqual({ web: 3 })
  expect(filesOf(app)).toEqual(before)
  expect(leftOf(app)).toEqual([])
})

plain('examples/sessions-memory is found without tests, by its cookie', async () => {
  const app = exampleApp('sessions-memory')
  const result = await prove(app, ['--formation', 'web=3', '--path', '/cart'])
  expect({ code: result.code, found: found(result) }, result.stdout).toEqual({
    code: 3,
    found: ['session sid'],
  })
  expect(result.stdout).toMatch(/cookie "sid" set by web\.1 was unknown to web\.2 \(GET \/cart: /)
  expect(leftOf(app)).toEqual([])
})

redis('examples/sessions-redis is share-nothing, and its cookie is known to all', async () => {
  const service = await startService('redis', portAt(9))
  const app = exampleApp('sessions-redis')
  const env = { REDIS_URL: `redis://127.0.0.1:${portAt(9)}` }
  await passes(app, [...SHORT, '--formation', 'web=3', ...ITS_TESTS], env)
  const probed = await passes(app, ['--formation', 'web=3', '--path', '/cart'], env)
  expect(probed).toMatch(/✔ session {3}every process knew what one had set\n/)
  await stopExample(service)
})

memcached('examples/sessions-memcached is share-nothing', async () => {
  const service = await startService('memcached', portAt(29))
  const app = exampleApp('sessions-memcached')
  const env = { MEMCACHED: `127.0.0.1:${portAt(29)}` }
  await passes(app, [...SHORT, '--formation', 'web=3', ...ITS_TESTS], env)
  await stopExample(service)
})

redis('a backing service in the same Procfile is left alone', async () => {
  const app = exampleApp('sessions-redis')
  appendFileSync(
    app.path('Procfile'),
    `redis: redis-server --bind 127.0.0.1 --port ${portAt(39)} --save '' --appendonly no --dir "$TMPDIR"\n`,
  )
  const env = { REDIS_URL: `redis://127.0.0.1:${portAt(39)}` }
  const output = await passes(app, [...SHORT, ...ITS_TESTS], env)
  expect(output).toMatch(/^ {2}kept {7}redis, a backing service: one process, left alone\n/)
  expect(output).toMatch(/: 2 web, 1 redis behind /)
})

plain('examples/uploads is found, with who wrote what', async () => {
  const app = exampleApp('uploads')
  const result = await prove(app, [...SHORT, ...ITS_TESTS])
  expect({ code: result.code, found: found(result) }, result.stdout).toEqual({
    code: 3,
    found: ['files uploads/'],
  })
  expect(result.report?.findings[0]?.evidence).toMatch(
    /^\d+ files in uploads\/ were written by web\.\d.* and survive, such as uploads\/[\w-]{36}\.\w+$/,
  )
})

redis('examples/uploads as it should be is share-nothing', async () => {
  const service = await startService('redis', portAt(49))
  const app = exampleApp('uploads')
  const env = { REDIS_URL: `redis://127.0.0.1:${portAt(49)}` }
  await passes(app, [...SHORT, '-f', 'Procfile.fixed', ...ITS_TESTS], env)
  await stopExample(service)
})

redis.for([
  { how: 'stopped', args: [], port: portAt(59) },
  { how: 'killed', args: ['--kill'], port: portAt(69) },
])('examples/queue is share-nothing when its processes are $how', async ({ args, port }) => {
  const service = await startService('redis', port)
  const app = exampleApp('queue')
  const env = { REDIS_URL: `redis://127.0.0.1:${port}`, LEASE_MS: '500', WORK_MS: '20' }
  const output = await passes(app, [...SHORT, '--formation', 'worker=3', ...args, ...ITS_TESTS], env)
  expect(output).toMatch(/: 2 web, 3 worker behind /)
  await stopExample(service)
})

django('examples/django-compressor: assets of the build stage are none of the run', async () => {
  const { app, python, env } = djangoApp()
  await passes(app, ['--release', ...SHORT, '--', python, 'test.py'], env)
})

django.for(['start', 'request'])(
  'examples/django-compressor: assets compiled at %s are found',
  async (when) => {
    const { app, python, env } = djangoApp()
    const args = [...SHORT, '--', python, 'test.py']
    const result = await prove(app, args, { ...env, COMPILE_AT: when })
    expect(result.code, result.stdout).toBe(3)
    expect(found(result), result.stdout).toContainEqual(
      expect.stringMatching(/^assets staticfiles\/CACHE\/(css|js)\/output\.[0-9a-f]{12}\.(css|js)$/),
    )
    expect(result.stdout).toMatch(
      /Compile them in the build stage: a line "build: \.\.\." in the Procfile\.\n/,
    )
    expect(leftOf(app)).toEqual([])
  },
)

/** The proof finds nothing and leaves nothing. */
async function passes(
  app: LiveApp,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const before = filesOf(app)
  const result = await prove(app, args, env)
  const seen = { code: result.code, found: found(result) }
  expect(seen, result.stdout + result.stderr).toEqual({ code: 0, found: [] })
  expect(leftOf(app)).toEqual([])
  if (!args.includes('--release')) expect(filesOf(app)).toEqual(before)
  return result.stdout
}

/** The example with Debian's Python, whatever `python3` is here. */
function djangoApp(): { app: LiveApp; python: string; env: Record<string, string> } {
  const app = exampleApp('django-compressor')
  const python = pythonWith('compressor') ?? 'python3'
  const bin = join(app.root, '../bin')
  mkdirSync(bin)
  symlinkSync(python, join(bin, 'python3'))
  return { app, python, env: { PATH: `${bin}:${process.env['PATH']}` } }
}
