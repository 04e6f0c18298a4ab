import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { childOf } from '../../src/runtime/process-table.ts'
import { killSupervisor, done, rows, running, seen, supervisors } from '../support/control.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

/**
 * A server whose answers are files: `status` what /up and /live answer (200 without it), `hang` makes it answer nothing,
 * and while `closed` is there it does not listen yet.
 */
const SERVER = `
import { createServer } from 'node:http'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
const status = (name) => existsSync(name) ? Number(readFileSync(name, 'utf8')) : 200
const server = createServer((request, response) => {
  appendFileSync('requests', request.url + ' ' + (request.headers['x-check'] ?? '') + '\\n')
  if (existsSync('hang')) return
  response.statusCode = status(request.url.slice(1).replace('/', ''))
  response.end('hello from ' + process.env.PS)
})
const open = () => existsSync('closed') ? setTimeout(open, 10) : server.listen(Number(process.env.PORT), () => console.log('listening'))
open()
process.on('SIGTERM', () => { if (!existsSync('stubborn')) process.exit(0) })
`

interface Json {
  readonly [key: string]: unknown
}

function serverApp(appJson: Json, procfile = 'web: exec node server.mjs\n'): LiveApp {
  return liveApp({ Procfile: procfile, 'server.mjs': SERVER, 'app.json': JSON.stringify(appJson) })
}

function web(...checks: Json[]): Json {
  return { healthchecks: { web: checks } }
}

async function stopped(app: LiveApp): Promise<void> {
  expect(await done(app, 'stop')).toContain('all stopped, nothing left running')
  expect(app.survivors()).toEqual([])
}

interface OnDisk {
  readonly readyAt?: number
  readonly lostAt?: number
  readonly reason?: string
  readonly failed?: string
  readonly late?: boolean
}

function health(app: LiveApp, id = 'web.1'): OnDisk {
  if (!existsSync(app.stateDir)) return {}
  return JSON.parse(app.runFile(id, 'health') ?? '{}') as OnDisk
}

async function ready(app: LiveApp, id = 'web.1'): Promise<void> {
  await until(
    () => `${id} to be ready, instead of ${JSON.stringify(health(app, id))}`,
    () => health(app, id).readyAt !== undefined,
  )
}

function linesOf(app: LiveApp, name: string): string[] {
  return existsSync(app.path(name)) ? readFileSync(app.path(name), 'utf8').split('\n').slice(0, -1) : []
}

test('a process is ready when its page says so, and ps says why it is not', async () => {
  const page = { path: '/up', wait: 1, attempts: 9, content: 'hello from web.1' }
  const app = serverApp(web({ ...page, httpHeaders: [{ name: 'X-Check', value: 'yes' }] }))
  writeFileSync(app.path('up'), '503')
  const run = app.start(['-p', String(portAt(0))])
  await until('the reason', () => health(app).reason === 'GET /up: answered 503')
  expect((await rows(app))[0]).toMatchObject({ phase: 'up', ready: false, reason: 'GET /up: answered 503' })
  expect(await done(app, 'ps', '--verbose')).toContain('web.1 is not ready: GET /up: answered 503\n')
  rmSync(app.path('up'))
  await ready(app)
  expect((await rows(app))[0]).toMatchObject({ phase: 'up', ready: true })
  expect(new Set(linesOf(app, 'requests'))).toEqual(new Set(['/up yes']))
  await stopped(app)
  await run.ended
})

test('the first request comes as soon as somebody listens, whatever the wait', async () => {
  const app = serverApp(web({ path: '/up', wait: 60 }))
  writeFileSync(app.path('closed'), '')
  const run = app.start(['-p', String(portAt(10))])
  await until(
    () => `that nobody listens, instead of ${JSON.stringify(health(app))}`,
    () => health(app).reason === 'GET /up: nobody listens yet',
  )
  rmSync(app.path('closed'))
  await ready(app)
  expect(linesOf(app, 'requests')).toEqual(['/up '])
  await stopped(app)
  await run.ended
})

test('start -D --wait gives up when a startup check had its attempts, and says what it answered', async () => {
  const app = serverApp(web({ path: '/up', wait: 1, attempts: 2 }))
  writeFileSync(app.path('up'), '500')
  const { code, stderr } = await app.cli(['start', '-D', '--wait', '-p', String(portAt(20))])
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/not ready: web\.1 \(GET \/up: answered 500\)/) as string,
  })
  // It is tried on all the same.
  rmSync(app.path('up'))
  await ready(app)
  const log = readFileSync(join(app.state(), 'supervisor.log'), 'utf8')
  expect(log.match(/web\.1 is not ready after .*: GET \/up: answered 500/g)).toHaveLength(1)
  await stopped(app)
})

test('readiness is lost and regained, and each is said', async () => {
  const command = ['sh', '-c', 'test ! -e unready']
  const app = serverApp(web({ path: '/up' }, { type: 'readiness', command, wait: 1, attempts: 2 }))
  const run = app.start(['-p', String(portAt(30))])
  await ready(app)
  writeFileSync(app.path('unready'), '')
  await run.waitFor(/system +\| web\.1 is not ready any more: sh -c test ! -e unready: exit code 1\n/)
  expect(health(app)).toMatchObject({ lostAt: expect.any(Number) as number })
  expect((await rows(app))[0]).toMatchObject({ phase: 'up', ready: false })
  rmSync(app.path('unready'))
  await run.waitFor(/system +\| web\.1 is ready again\n/)
  await stopped(app)
  await run.ended
})

test('one that is not alive any more is started again by its policy, and ends the run without one', async () => {
  const check = { type: 'liveness', path: '/live', wait: 1, attempts: 2 }
  const app = serverApp({ ...web(check), 'tw-run': { web: { restart: 'on-failure' } } })
  const run = app.start(['-p', String(portAt(40))])
  await ready(app)
  writeFileSync(app.path('live'), '500')
  await run.waitFor(
    /web\.1 was stopped, since it is not alive any more \(GET \/live: answered 500, 2 times in a row\) after .*: starting again/,
  )
  rmSync(app.path('live'))
  await until('another run', () => existsSync(join(app.state(), 'processes', 'web.1', '2', 'pid')))
  expect((await rows(app))[0]).toMatchObject({
    restarts: 1,
    lastExit: { unhealthy: expect.any(String) as string },
  })
  await stopped(app)
  expect(await run.ended).toBe(0)

  writeFileSync(app.path('app.json'), JSON.stringify(web(check)))
  const other = app.start(['-p', String(portAt(40))])
  await ready(app)
  writeFileSync(app.path('live'), '500')
  expect(await other.ended).toBe(1)
  expect(other.lines().at(-1)).toMatch(
    /all stopped, nothing left running \(web\.1 was stopped, since it is not alive any more/,
  )
})

test('a supervisor killed while it stops a dead process leaves the reason: the next one starts it again', async () => {
  const check = { type: 'liveness', path: '/live', wait: 1, attempts: 1 }
  const app = serverApp({ ...web(check), 'tw-run': { web: { restart: 'on-failure', grace: 600 } } })
  writeFileSync(app.path('stubborn'), '')
  await done(app, 'start', '-D', '-p', String(portAt(50)))
  await ready(app)
  writeFileSync(app.path('live'), '500')
  await until('the intent to stop', () => app.runFile('web.1', 'told') !== undefined)
  await killSupervisor(app)
  const [first = -1] = Object.values(
    seen(app)
      .slots.runs()
      .map(({ pid }) => pid ?? -1),
  )
  rmSync(app.path('live'))
  await done(app, 'ps')
  await until('another supervisor', () => supervisors(app).length === 1)
  kill9(childOf(first))
  await until('another run', () => existsSync(join(app.state(), 'processes', 'web.1', '2', 'pid')))
  const history = readFileSync(join(app.state(), 'processes', 'web.1', 'history'), 'utf8')
  expect(history).toContain('"exit":{"kind":"unhealthy","why":"GET /live: answered 500"}')
  expect(history).toContain('"asked":false')
  rmSync(app.path('stubborn'))
  await stopped(app)
})

test('a command that hangs is ended with all it started, is never there twice, and has the environment of its process', async () => {
  const command = ['sh', '-c', 'echo "$PS $PORT begins" >> tries; sleep 400 & sleep 400; echo ends >> tries']
  const app = serverApp(web({ type: 'readiness', command, timeout: 1, wait: 1 }))
  const run = app.start(['-p', String(portAt(60))])
  await until('three tries', () => linesOf(app, 'tries').length >= 3)
  expect(new Set(linesOf(app, 'tries'))).toEqual(new Set([`web.1 ${portAt(60)} begins`]))
  const sleeping = app.survivors().filter(({ command: text }) => text === 'sleep 400')
  expect(sleeping.length).toBeLessThanOrEqual(2)
  await until('the reason', () => health(app).reason === `${command.join(' ')}: no answer within 1 s`)
  // Nothing waits for a check: a command is answered while one hangs.
  expect((await rows(app))[0]).toMatchObject({ phase: 'up', ready: false })
  await stopped(app)
  expect(await run.ended).toBe(0)
  expect(run.output()).not.toContain('left running: ')
})

test('a command sees what its process was started with, whatever was edited since', async () => {
  const command = ['sh', '-c', 'echo "$PS $COLOUR" >> seen']
  const app = liveApp({
    Procfile: 'web: exec sleep 300\n',
    '.env': 'COLOUR=green\n',
    'app.json': JSON.stringify({ healthchecks: { web: [{ type: 'readiness', command, wait: 1 }] } }),
  })
  // So many are begun by a launcher, the one that is killed by a shim that waited for it.
  const run = app.start(['-p', String(portAt(400)), '-m', 'web=14', '--restart', 'always'])
  const see = async (colour: string): Promise<void> => {
    const known = linesOf(app, 'seen').length
    const lines = [1, 2].map((instance) => `web.${instance} ${colour}`)
    const seen = (): string[] => linesOf(app, 'seen').slice(known)
    await until(`checks to see ${colour}`, () => lines.every((line) => seen().includes(line)))
  }
  await see('green')
  kill9(childOf(Number(app.runFile('web.1', 'pid'))))
  await until('another run', () => existsSync(join(app.state(), 'processes', 'web.1', '2', 'pid')))
  writeFileSync(app.path('.env'), 'COLOUR=red\n')
  await see('green')
  await see('green')
  expect(linesOf(app, 'seen').filter((line) => line.endsWith('red'))).toEqual([])
  await done(app, 'restart', 'web')
  await see('red')
  await stopped(app)
  await run.ended
})

test('a server that answers nothing holds up nobody', async () => {
  const app = serverApp(
    { healthchecks: { web: [{ path: '/up', timeout: 2, wait: 1 }] }, 'tw-run': { web: { grace: 1 } } },
    'web: exec node server.mjs\nworker: exec sleep 300\n',
  )
  writeFileSync(app.path('hang'), '')
  const begun = performance.now()
  const run = app.start(['-p', String(portAt(70))])
  await until('a request', () => linesOf(app, 'requests').length > 0)
  await done(app, 'scale', 'worker=3')
  await running(app, 'web.1', 'worker.1', 'worker.2', 'worker.3')
  expect(linesOf(app, 'requests').length).toBeLessThanOrEqual(1 + (performance.now() - begun) / 3_000)
  await until('the reason', () => health(app).reason === 'GET /up: no answer within 2 s')
  await stopped(app)
  await run.ended
})

test('a line of the log makes ready, colours apart, and an uptime', async () => {
  const procfile =
    'web: printf "booting\\n"; while [ ! -e go ]; do sleep 0.05; done; printf "\\033[32mready\\033[0m on 5\\n"; exec sleep 300\n' +
    'worker: exec sleep 300\n'
  const app = liveApp({
    Procfile: procfile,
    'app.json': JSON.stringify({
      healthchecks: { worker: [{ uptime: 4 }] },
      'tw-run': { web: { ready: { log: '^ready on \\d+$' } } },
    }),
  })
  const run = app.start(['-p', String(portAt(80))])
  await until(
    'the reasons',
    () => health(app).reason !== undefined && health(app, 'worker.1').reason !== undefined,
  )
  expect(health(app, 'worker.1').reason).toBe('has to be up for 4 s')
  expect(health(app).reason).toBe('a line that matches ^ready on \\d+$: not there yet')
  writeFileSync(app.path('go'), '')
  await ready(app)
  await ready(app, 'worker.1')
  const worker = seen(app)
    .slots.runs()
    .find(({ id }) => id === 'worker.1')
  expect((worker?.health.readyAt ?? 0) - (worker?.startedAt ?? 0)).toBeGreaterThanOrEqual(4_000)
  await stopped(app)
  await run.ended
})

test('a new supervisor does not make a ready process prove it again', async () => {
  const app = serverApp(web({ path: '/up', wait: 1 }))
  await done(app, 'start', '-D', '--wait', '-p', String(portAt(90)))
  await killSupervisor(app)
  const before = health(app)
  writeFileSync(app.path('up'), '500')
  await done(app, 'ps')
  await until('another supervisor', () => supervisors(app).length === 1)
  await until('an answer of it', () => seen(app).supervisor !== undefined)
  await done(app, 'scale', 'web=1')
  expect(health(app)).toEqual(before)
  await stopped(app)
})

/** As Redis answers, as far as a client needs to know that it is there. */
const REDIS = `
import { createServer } from 'node:net'
import { existsSync } from 'node:fs'
const server = createServer((socket) => socket.on('data', (data) => socket.write(String(data).includes('PING') ? '+PONG\\r\\n' : '-ERR\\r\\n')))
const listen = () => server.listen(Number(process.env.PORT), () => console.log('Ready to accept connections'))
setTimeout(listen, 600)
`
/** Fails at once where no Redis answers. */
const CLIENT = `
import { connect } from 'node:net'
const socket = connect(Number(process.env.REDIS_PORT), '127.0.0.1', () => socket.write('PING\\r\\n'))
socket.on('error', () => process.exit(9))
socket.on('data', (data) => { console.log(process.env.PS + ' got ' + String(data).trim()); socket.destroy(); setInterval(() => {}, 1000) })
`
const CHAIN = {
  'tw-run': {
    web: { dependsOn: { redis: 'ready', migrate: 'completed' } },
    migrate: { dependsOn: ['redis'] },
    redis: { ready: { log: 'Ready to accept' } },
  },
}

function redisApp(migrate: string, appJson: Json = CHAIN): LiveApp {
  return liveApp({
    Procfile: `web: exec node client.mjs\nmigrate: ${migrate}\nredis: exec node redis.mjs\n`,
    'redis.mjs': REDIS,
    'client.mjs': CLIENT,
    'app.json': JSON.stringify(appJson),
  })
}

test('what depends on a server starts when that is ready, and what depends on a task when that has succeeded', async () => {
  const app = redisApp('echo migrating; sleep 0.3; echo migrated')
  const run = app.start(['-p', String(portAt(100))], { REDIS_PORT: String(portAt(300)) })
  await run.waitFor(/web\.1 got \+PONG/)
  const told = run
    .lines()
    .flatMap((line) => /Ready to accept|migrating|migrated|got \+PONG/.exec(line)?.[0] ?? [])
  expect(told).toEqual(['Ready to accept', 'migrating', 'migrated', 'got +PONG'])
  await stopped(app)
  expect(await run.ended).toBe(0)
})

test('a dependency that fails ends the run with its code, and the last line says who waited', async () => {
  const app = redisApp('exit 7')
  const run = app.start(['-p', String(portAt(110))], { REDIS_PORT: String(portAt(310)) })
  expect(await run.ended).toBe(7)
  expect(run.lines().at(-1)).toMatch(/\(migrate\.1 exited with code 7; web\.1 waited for it in vain\)$/)
  expect(run.output()).not.toMatch(/web\.1 +\|/)
})

test('a dependency that does not get ready is named to those who wait for it, once', async () => {
  const command = ['false']
  const app = redisApp('true', {
    ...CHAIN,
    healthchecks: { redis: [{ command, attempts: 2, wait: 1 }] },
  })
  const run = app.start(['-p', String(portAt(120))], { REDIS_PORT: String(portAt(320)) })
  await run.waitFor(/web\.1, migrate\.1 wait in vain for redis\.1: it is not ready: false: exit code 1\n/)
  await until('more tries', () => (health(app, 'redis.1').late ?? false) && run.lines().length > 2)
  expect(run.output().match(/wait in vain/g)).toHaveLength(1)
  const { code, stderr } = await app.cli(['restart', 'redis', '--rolling'])
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('redis.1 did not get ready') as string,
  })
  await stopped(app)
  await run.ended
})

test('where all that is left waits for what is over, the run ends', async () => {
  const app = redisApp('true', { ...CHAIN, healthchecks: {} })
  appendFileSync(app.path('redis.mjs'), 'setTimeout(() => process.exit(0), 100)\n')
  const run = app.start(['-p', String(portAt(130)), '--restart', 'on-failure'], {
    REDIS_PORT: String(portAt(330)),
  })
  expect(await run.ended).toBe(1)
  expect(run.lines().at(-1)).toMatch(
    /\(redis\.1 ended \(exit code 0\); web\.1, migrate\.1 waited for it in vain\)$/,
  )
})

test('mayExit: an end with success is no end of the run, one with a failure is', async () => {
  const app = liveApp({
    Procfile: 'web: exec sleep 300\nsetup: sh setup.sh\n',
    'setup.sh': 'exit 0\n',
    'app.json': JSON.stringify({ 'tw-run': { setup: { mayExit: true } } }),
  })
  const run = app.start(['-p', String(portAt(140))])
  await run.waitFor(/setup\.1 ended \(exit code 0\)/)
  await running(app, 'web.1')
  await stopped(app)
  expect(await run.ended).toBe(0)
  writeFileSync(app.path('setup.sh'), 'exit 4\n')
  expect(await app.start(['-p', String(portAt(140))]).ended).toBe(4)
})

test('stopSignal, grace and max of a type hold', async () => {
  const app = liveApp({
    Procfile: `web: trap 'echo interrupted; exit 0' INT; trap '' TERM; while :; do sleep 0.05; done\n`,
    'app.json': JSON.stringify({ 'tw-run': { web: { stopSignal: 'SIGINT', grace: 30, max: 1 } } }),
  })
  const run = app.start(['-p', String(portAt(150)), '-t', '1'])
  await running(app, 'web.1')
  expect(await app.cli(['scale', 'web=2'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('web=2: app.json allows 1 of it') as string,
  })
  await stopped(app)
  await run.ended
  expect(run.output()).toMatch(/web\.1 +\| interrupted/)
})

test('a log that somebody removed is a reason why it is not ready, and no end of anything', async () => {
  const app = liveApp({
    Procfile: 'web: exec sleep 300\nworker: exec sleep 300\n',
    'app.json': JSON.stringify({ 'tw-run': { web: { ready: { log: 'never' } } } }),
  })
  const run = app.start(['-p', String(portAt(160))])
  await until('the reason', () => health(app).reason === 'a line that matches never: not there yet')
  rmSync(join(app.state(), 'processes', 'web.1', '1', 'log'))
  await until('another reason', () =>
    /a line that matches never: .*(ENOENT|no such file)/.test(health(app).reason ?? ''),
  )
  await done(app, 'scale', 'worker=2')
  await running(app, 'web.1', 'worker.1', 'worker.2')
  await stopped(app)
  expect(await run.ended).toBe(0)
})
