import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, vi } from 'vitest'
import { kill9, until } from '../support/live.ts'
import type { LiveRun, LiveApp } from '../support/live.ts'
import { found, leftOf, plantedApp, prove } from '../support/prove.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const test = requires('linux')
// Formations begin and end three times in some of them.
vi.setConfig({ testTimeout: 90_000 })
const SHORT = ['--for', '1s'] as const
const VISIT = ['--', 'node', 'visit.js'] as const
const CLEAN = 'web: node clean.js\n'

const ANSWER = `import { createServer } from 'node:http'
const [, , status, cookie] = process.argv
createServer(({ url }, response) => {
  if (status === '500') console.log(url, 'is broken')
  response.writeHead(Number(status), cookie === undefined ? {} : { 'set-cookie': 'sid=1' }).end()
}).listen(process.env.PORT)
`

describe('the report', () => {
  test('holds everything, and the seed gives the same order again', async () => {
    const app = plantedApp('web: node clean.js\nworker: node clean.js\n')
    const args = ['--seed', '4181', '--for', '2s', '--formation', 'web=3', ...VISIT]
    const [first, second] = [await prove(app, args), await prove(app, args)]
    const { report } = first
    expect(report, first.stderr).toMatchObject({
      version: 1,
      seed: 4181,
      shareNothing: true,
      formation: { web: 3, worker: 2 },
      kept: [],
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d{5}$/),
      baseline: { passed: true, ms: expect.any(Number) },
      proof: { failed: 0, rounds: expect.any(Number), slowestStopMs: expect.any(Number) },
      findings: [],
      ignored: [],
      notLookedAt: [],
    })
    const order = report?.proof.order ?? []
    const again = second.report?.proof.order ?? []
    expect(report?.proof.recycled).toBe(order.length)
    expect(new Set(order)).toEqual(new Set(['web.1', 'web.2', 'web.3', 'worker.1', 'worker.2']))
    const both = Math.min(order.length, again.length)
    expect(again.slice(0, both)).toEqual(order.slice(0, both))
  })

  test('is the same with ports that were named', async () => {
    const app = plantedApp('worker: node clean.js\n')
    const result = await prove(app, ['-p', String(portAt(0)), ...SHORT, '--', 'true'])
    expect(result.code, result.stdout + result.stderr).toBe(0)
    expect(result.report).toMatchObject({ shareNothing: true, baseline: { passed: true } })
  })

  test('--ignore takes out what is meant, and says so', async () => {
    const app = plantedApp('web: node uploads.js\n')
    const args = [...SHORT, '--ignore', 'files:uploads/**', '--', 'node', 'upload.js']
    const result = await prove(app, args)
    expect({ code: result.code, found: found(result) }, result.stdout).toEqual({ code: 0, found: [] })
    expect(result.report?.ignored).not.toEqual([])
    expect(result.stdout).toMatch(/\n {2}- files {5}.*uploads\/.* \(ignored\)\n/)
  })

  test('tests that write files are not told from the app, and it is said', async () => {
    const app = plantedApp('web: node clean.js\n', {
      'write.js': `import { writeFileSync } from 'node:fs'\nwriteFileSync('coverage.txt', String(process.pid))\n`,
    })
    const result = await prove(app, [...SHORT, '--', 'node', 'write.js'])
    expect({ code: result.code, found: found(result) }).toEqual({ code: 3, found: ['files coverage.txt'] })
    expect(result.stdout).toMatch(
      /coverage\.txt was \w+ \(by whom was not seen: it may have been the tests\)/,
    )
  })
})

describe('nothing to prove', () => {
  test('where the tests fail undisturbed', async () => {
    const app = plantedApp(CLEAN, { 'fail.js': `console.log('as it was written')\nprocess.exit(7)\n` })
    const result = await prove(app, ['--', 'node', 'fail.js'])
    expect(result.code).toBe(3)
    expect(result.stdout).toBe(
      '  | as it was written\n  nothing to prove: your tests fail even undisturbed (exit code 7)\n',
    )
    expect(result.report).toMatchObject({
      shareNothing: false,
      nothingToProve: 'your tests fail even undisturbed (exit code 7)',
    })
    expect(leftOf(app)).toEqual([])
  })

  test('where the tests hang', async () => {
    const app = plantedApp(CLEAN, { 'hang.js': 'setInterval(() => {}, 1000)\n' })
    const result = await prove(app, ['--limit', '1s', '--', 'node', 'hang.js'])
    expect({ code: result.code, stdout: result.stdout }).toEqual({
      code: 3,
      stdout: '  nothing to prove: your tests fail even undisturbed (not over after 1 s)\n',
    })
  })

  test('where the app does not get ready, with its last words', async () => {
    const app = plantedApp('web: echo no database; exit 9\n')
    const result = await prove(app, [...VISIT])
    expect(result.code).toBe(3)
    expect(result.stdout).toMatch(/^ {2}web\.1 \| no database\n {2}nothing to prove: .*web\.1/)
    expect(leftOf(app)).toEqual([])
  })

  test('where nothing runs but backing services and what runs to its end', async () => {
    const app = plantedApp('store: node clean.js\nonce: true\n', {
      'app.json': JSON.stringify({ 'tw-run': { once: { mayExit: true } } }),
    })
    const result = await prove(app, ['--keep', 'store', '--', 'true'])
    expect(result.code, result.stderr).toBe(3)
    expect(result.stdout).toMatch(/\n {2}nothing to prove: no process could be replaced: .*-m web=2\n$/)
    expect(result.report).toMatchObject({ nothingToProve: expect.stringMatching(/^no process/) as string })
  })

  test('where the tests never ask the app, with all else that was found out', async () => {
    const app = plantedApp(CLEAN)
    const result = await prove(app, [...SHORT, '-m', 'web=2', '--', 'true'])
    expect({ code: result.code, found: found(result) }, result.stderr).toEqual({ code: 3, found: [] })
    expect(result.stdout).not.toMatch(/✔ session|tests passed|share-nothing/)
    expect(result.stdout).toMatch(
      /\n {2}\? session {3}the tests asked nothing of http:\/\/127\.0\.0\.1:\d{5}, and so nobody answered them\n {2}✔ files /,
    )
    expect(result.stdout).toMatch(/\n {2}nothing to prove of sessions: .*BASE_URL.*\n$/)
    expect(result.report).toMatchObject({
      shareNothing: false,
      nothingToProve: expect.stringMatching(/^your tests asked nothing of .*BASE_URL/) as string,
      proof: { requests: 0, failed: 0 },
    })
  })

  test('is not where they ask by a WebSocket', async () => {
    const app = plantedApp('web: node socket.js\n', {
      'socket.js':
        `import { createHash } from 'node:crypto'\nimport { createServer } from 'node:http'\n` +
        'const server = createServer()\n' +
        `server.on('upgrade', ({ headers }, socket) => {\n` +
        "  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`\n" +
        `  const accept = createHash('sha1').update(key).digest('base64')\n` +
        '  socket.end(`HTTP/1.1 101 Switching Protocols\\r\\nconnection: upgrade\\r\\nupgrade: websocket\\r\\nsec-websocket-accept: ${accept}\\r\\n\\r\\n`)\n' +
        `})\nserver.listen(process.env.PORT, '127.0.0.1')\n` +
        `process.on('SIGTERM', () => server.close(() => process.exit(0)))\n`,
      'connect.js':
        `import { request } from 'node:http'\n` +
        `const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13',\n` +
        `  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }\n` +
        `request(process.env.BASE_URL, { headers }).on('upgrade', () => process.exit(0)).end()\n` +
        `process.exitCode = 1\n`,
    })
    const result = await prove(app, [...SHORT, '--', 'node', 'connect.js'])
    expect({ code: result.code, found: found(result) }, result.stdout).toEqual({ code: 0, found: [] })
    expect(result.report?.proof.requests).toBeGreaterThan(0)
  })

  test('where the app does not get ready for a page either: nothing is said of its sessions', async () => {
    const app = plantedApp('web: node nothere.js\nworker: sleep 1000\n')
    const result = await prove(app, ['--path', '/'])
    expect(result.code).toBe(3)
    expect(result.stdout).toMatch(/^ {2}web\.1 \| .*Cannot find module/m)
    expect(result.stdout).toMatch(/\n {2}nothing to prove: not ready: web\.1.*\n$/)
    expect(result.stdout).not.toContain('session')
    expect(result.report).toMatchObject({
      shareNothing: false,
      nothingToProve: expect.stringMatching(/web\.1/) as string,
    })
    expect(leftOf(app)).toEqual([])
  })

  test('where no page sets a cookie', async () => {
    const app = plantedApp('web: node uploads.js\n')
    const result = await prove(app, ['--path', '/', '--path', '/other'])
    expect(result.code).toBe(3)
    expect(result.stdout).toBe(
      '  nothing to prove: GET /, GET /other set no cookie\n' +
        '  hint: name a page that sets one, such as --path /login --path /cart, or give a test command\n',
    )
    expect(result.report).toMatchObject({ nothingToProve: 'GET /, GET /other set no cookie' })
    expect(leftOf(app)).toEqual([])
  })

  test.each([
    ['500', /^ {2}web\.1 \| \/ is broken\n {2}nothing to prove: GET \/ answered 500\n$/],
    ['500 cookie', /^ {2}web\.1 \| \/ is broken\n {2}nothing to prove: GET \/ answered 500\n$/],
    ['404', /^ {2}nothing to prove: GET \/ \(404\) set no cookie\n {2}hint: name a page/],
  ])('where a page answers %s', async (answer, said) => {
    const app = plantedApp(`web: node answer.js ${answer}\n`, { 'answer.js': ANSWER })
    const result = await prove(app, ['--path', '/'])
    expect(result.code).toBe(3)
    expect(result.stdout).toMatch(said)
    expect(leftOf(app)).toEqual([])
  })
})

describe('--path', () => {
  test('visits pages in a row, and says which of them had nothing to show', async () => {
    const app = plantedApp('web: node session-in-memory.js\n')
    const result = await prove(app, ['--path', '/login', '--path', '/account'])
    expect({ code: result.code, found: found(result) }, result.stdout).toEqual({
      code: 3,
      found: ['session sid'],
    })
    expect(result.stdout).toMatch(
      /cookie "sid" set by web\.1 was unknown to web\.2 \(GET \/login: it was given a new one\)/,
    )
    expect(result.stdout).toMatch(
      /\? not looked at here: GET \/account: it set no cookie that could be shown\n/,
    )
  })

  test('the release stage runs first, where it is asked for', async () => {
    const app = plantedApp('web: node session-in-memory.js\nrelease: touch released\n')
    await prove(app, ['--release', '--path', '/login'])
    expect(readdirSync(app.root)).toContain('released')
  })

  test('an app that does not answer is an error, and nothing is left', async () => {
    const app = plantedApp('web: node mute.js\n', {
      'mute.js': `import { createServer } from 'node:net'\ncreateServer((s) => s.end('no HTTP')).listen(process.env.PORT)\n`,
    })
    const result = await prove(app, ['--path', '/cart'])
    expect(result.code).toBe(1)
    expect(result.stderr).toMatch(/tw-run: GET \/cart on port \d{5}: fetch failed\n/)
    expect(app.survivors()).toEqual([])
  })

  test('an app without web has no page', async () => {
    const app = plantedApp('worker: node clean.js\n')
    const result = await prove(app, ['--path', '/cart'])
    expect(result.code).toBe(2)
    expect(result.stderr).toMatch(/--path: no process of a type "web" runs that could answer/)
  })
})

describe('formations', () => {
  test('without web there is no router, and one that may be only one stays one and is replaced', async () => {
    const app = plantedApp('worker: node clean.js\nclock: node clean.js\n')
    const result = await prove(app, [...SHORT, '--max', 'clock=1', '--', 'true'])
    expect({ code: result.code, found: found(result) }, result.stdout).toEqual({ code: 0, found: [] })
    expect(result.report).toMatchObject({ formation: { worker: 2, clock: 1 }, url: null })
    expect(new Set(result.report?.proof.order)).toEqual(new Set(['worker.1', 'worker.2', 'clock.1']))
  })

  test('app.json: its policies hold, what runs to its end is a task, and its grace period counts', async () => {
    const types = {
      web: { dependsOn: { migrate: 'completed' }, grace: 1 },
      clock: { max: 1, restart: 'always' },
    }
    const app = plantedApp('web: node deaf.js\nmigrate: exit 0\nclock: node clean.js\n', {
      'app.json': JSON.stringify({ 'tw-run': types }),
    })
    const result = await prove(app, [...SHORT, ...VISIT])
    expect({ code: result.code, found: found(result) }, result.stdout + result.stderr).toEqual({
      code: 3,
      found: ['stop web.1', 'stop web.2'],
    })
    expect(result.report).toMatchObject({ formation: { web: 2, migrate: 1, clock: 1 } })
    expect(result.stdout).toMatch(/web\.1 did not stop within 1 s/)
  })

  test('--keep leaves a type alone; a name that is none is an error', async () => {
    const app = plantedApp('web: node clean.js\nstore: node clean.js\n')
    const result = await prove(app, [...SHORT, '--keep', 'store', ...VISIT])
    expect({ code: result.code, kept: result.report?.kept }, result.stdout).toEqual({
      code: 0,
      kept: ['store'],
    })
    expect(result.report?.formation).toEqual({ web: 2, store: 1 })
    expect(result.report?.proof.order).not.toContain('store.1')
    const wrong = await prove(app, ['--keep', 'stroe', ...VISIT])
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toMatch(/--keep: no process type "stroe" runs\n {2}hint: these do: web, store\n/)
  })

  test('one that a lock file of a killed one keeps from starting is found', async () => {
    const app = plantedApp('web: node locked.js\n', {
      'locked.js':
        `import { existsSync, rmSync, writeFileSync } from 'node:fs'\nimport { serve } from './serve.js'\n` +
        "const lock = `${process.env.PS}.pid`\nif (existsSync(lock)) { console.log('already running'); process.exit(1) }\n" +
        "writeFileSync(lock, '')\nserve(() => ({}))\nprocess.on('SIGTERM', () => rmSync(lock))\n",
    })
    const args = ['--kill', ...SHORT, '--ignore', 'files:*.pid', ...VISIT]
    const result = await prove(app, args)
    expect(result.code, result.stdout).toBe(3)
    expect(found(result), result.stdout).toContainEqual(expect.stringMatching(/^start web\.\d$/))
    expect(result.stdout).toMatch(/web\.\d ended by itself [\d.]+ s after its start: exited with code 1\n/)
  })
})

describe('places', () => {
  test('a root that is a link, and a state directory in it', async () => {
    const app = plantedApp('web: node uploads.js\n')
    const link = join(app.root, '../link')
    symlinkSync(app.root, link)
    const env = { TW_RUN_STATE_DIR: join(app.root, 'state') }
    const broken = await prove(app, ['-d', link, ...SHORT, '--', 'node', 'upload.js'], env)
    expect(
      found(broken).every((one) => one.startsWith('files uploads/')),
      broken.stdout,
    ).toBe(true)
    expect(broken.report?.findings.length, broken.stdout).toBeGreaterThan(0)
    expect(broken.code).toBe(3)
  })

  test('a folder outside to which a link in the app leads, of what a process is seen to write there', async () => {
    const app = plantedApp('web: node uploads.js\n', {
      'upload-and-write.js':
        `import { writeFileSync } from 'node:fs'\nimport { setTimeout as pause } from 'node:timers/promises'\n` +
        `import './upload.js'\n` +
        // Nobody of the app answers any more then, by the clock of files neither.
        `await pause(100)\nwriteFileSync('uploads/of-the-tests.txt', String(process.pid))\n`,
    })
    const shared = join(app.root, '../shared')
    mkdirSync(shared)
    writeFileSync(join(shared, 'old.png'), '')
    symlinkSync(shared, join(app.root, 'uploads'))
    const result = await prove(app, [...SHORT, '--', 'node', 'upload-and-write.js'])
    expect(result.code, result.stdout + result.stderr).toBe(3)
    const said = (result.report?.findings ?? []).map(({ rule, evidence }) => `${rule}: ${evidence}`)
    const byWeb = /^files: (\d+ files in )?uploads\/.*(was|were) written by web\.\d/
    expect(said.filter((one) => !byWeb.test(one) || one.includes('of-the-tests'))).toEqual([])
    expect(said).not.toEqual([])
  })

  test('what tools keep for themselves is no finding', async () => {
    const app = plantedApp('web: node caches.js\n', {
      'caches.js':
        `import { mkdirSync, writeFileSync } from 'node:fs'\nimport { serve } from './serve.js'\n` +
        `for (const folder of ['.git', 'node_modules/.cache', '__pycache__']) {\n` +
        '  mkdirSync(folder, { recursive: true })\n  writeFileSync(`${folder}/file`, process.env.PS)\n}\nserve(() => ({}))\n',
    })
    const result = await prove(app, [...SHORT, ...VISIT])
    expect({ code: result.code, found: found(result) }, result.stdout).toEqual({ code: 0, found: [] })
  })
})

describe('broken off', () => {
  const reportOf = (app: LiveApp): string => join(app.root, '../report.json')
  const begin = (app: LiveApp, args: readonly string[] = ['--for', '60s', ...VISIT]): LiveRun =>
    app.startBy([process.execPath], ['prove', '--seed', '7', '--report', reportOf(app), ...args])
  const saysWhy = (run: LiveRun, app: LiveApp, cause: string): void => {
    expect(run.output().endsWith(`\n  ${cause}\n`), run.output()).toBe(true)
    const report: unknown = JSON.parse(readFileSync(reportOf(app), 'utf8'))
    expect(report).toEqual({ version: 1, seed: 7, shareNothing: false, cause })
  }
  const isProved = async (run: LiveRun, app: LiveApp): Promise<void> => {
    await run.waitFor(/baseline {3}passed/)
    await until('the proof to replace something', () => restartedIn(app))
  }

  test('by Ctrl-C, at once and with nothing left', async () => {
    const app = plantedApp(CLEAN)
    const run = begin(app)
    await isProved(run, app)
    run.signal('SIGINT')
    expect(await run.ended).toBe(130)
    expect(run.output()).not.toMatch(/share-nothing/)
    saysWhy(run, app, 'SIGINT during the proof: nothing is proved')
    expect(app.survivors()).toEqual([])
    expect(leftOf(app)).toEqual([])
  })

  test.for([
    { signal: 'SIGTERM', code: 143, args: ['--', 'sh', '-c', 'touch asked; sleep 1000'] },
    { signal: 'SIGHUP', code: 129, args: ['--path', '/'] },
    { signal: 'SIGQUIT', code: 131, args: ['--', 'sh', '-c', 'touch asked; sleep 1000'] },
  ] as const)('by $signal before anything was disturbed: $args', async ({ signal, code, args }) => {
    const app = plantedApp('web: node mute.js\n', {
      'mute.js':
        `import { writeFileSync } from 'node:fs'\nimport { createServer } from 'node:http'\n` +
        `createServer(() => writeFileSync('asked', '')).listen(process.env.PORT, '127.0.0.1')\n`,
    })
    const run = begin(app, args)
    await until('the first request or test', () => existsSync(join(app.root, 'asked')))
    run.signal(signal)
    expect(await run.ended, run.output()).toBe(code)
    saysWhy(run, app, `${signal} during the baseline: nothing is proved`)
    expect(leftOf(app)).toEqual([])
  })

  test('by what is wrong; the report says it, too', async () => {
    const app = plantedApp(CLEAN)
    const run = begin(app, ['--keep', 'stroe', ...VISIT])
    expect(await run.ended).toBe(2)
    const cause = '--keep: no process type "stroe" runs'
    const report: unknown = JSON.parse(readFileSync(reportOf(app), 'utf8'))
    expect(report).toEqual({ version: 1, seed: 7, shareNothing: false, cause })
  })

  test('by kill -9; the next one cleans up', async () => {
    const app = plantedApp(CLEAN)
    const run = begin(app)
    await isProved(run, app)
    kill9(run.pid)
    await run.ended
    expect(app.survivors()).not.toEqual([])
    const next = await prove(app, [...SHORT, ...VISIT])
    expect({ code: next.code, found: found(next) }, next.stdout + next.stderr).toEqual({ code: 0, found: [] })
    expect(next.stderr).toMatch(/tw-run: ended what a killed tw-run had left here/)
    expect(app.survivors()).toEqual([])
    expect(leftOf(app)).toEqual([])
  })
})

/** Whether some web process of the proof is in its second run. */
function restartedIn(app: LiveApp): boolean {
  try {
    const folder = join(app.state(), 'with')
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    return paths.some((path) => !path.includes('-baseline/') && /processes\/web\.\d\/2$/.test(path))
  } catch {
    // Not there yet, or something went while it was read.
    return false
  }
}
