import { copyFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { killSupervisor, done, isAlive, pids, rows, running, seen, supervisorOf } from '../support/control.ts'
import { eventually } from '../support/example.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { ask } from '../support/routed.ts'

/** The ports of each test: the router's, and the first of web. */
const ports = (offset: number): { router: number; web: number } => ({
  router: portAt(offset),
  web: portAt(1 + offset),
})

function webApp(procfile = 'web: exec node web.js\n'): LiveApp {
  const app = liveApp({ Procfile: procfile, 'package.json': '{ "type": "module" }' })
  copyFileSync(new URL('../support/web-server.js', import.meta.url), app.path('web.js'))
  return app
}

test('a detached formation with a router, from its start to its stop', async () => {
  const app = webApp()
  const { router, web } = ports(0)
  const url = `http://127.0.0.1:${router}`
  const start = ['start', '-D', '--wait', '-p', String(web), '-m', 'web=2', '--router', String(router)]
  const text = await done(app, ...start)
  expect(text).toContain(`${url} is one address for every web process that is ready\n`)
  expect(text).toContain(`router.1 on ${router}`)

  // The router looks ten times a second for who is ready.
  const names = new Set<string>()
  await eventually(async () => {
    names.add((await ask(url)).body.split(' ')[0] ?? '')
    expect([...names].toSorted()).toEqual(['web.1', 'web.2'])
  })
  expect((await rows(app)).map(({ process, ready, port }) => [process, ready, port])).toEqual([
    ['web.1', true, web],
    ['web.2', true, web + 1],
    ['router.1', true, router],
  ])
  expect(await done(app, 'scale')).toBe('web=2\n')
  expect(await done(app, 'logs', 'router')).toContain(`router.1 | listening on ${url}\n`)

  // A process is told to stop when its request is answered, and not before.
  const slow = ask(`${url}/slow`)
  await until('a slow request', () => /slow begins/.test(logsOf(app)))
  const busy = /slow begins/.test(app.runFile('web.1', 'log') ?? '') ? 'web.1' : 'web.2'
  await done(app, 'stop', busy)
  for (let n = 0; n < 4; n += 1) expect((await ask(url)).body).not.toContain(busy)
  expect((await slow).body).toMatch(/ slow$/)
  await until('it to be stopped', () => seen(app).observed.get(busy)?.phase === 'stopped')
  expect(app.runFile(busy, 'log')).toMatch(/slow begins\ntold to stop/)

  const before = pids(app)
  await done(app, 'restart', 'router', '--wait')
  expect(pids(app)['router.1']).not.toBe(before['router.1'])
  expect((await ask(url)).status).toBe(200)
  await done(app, 'stop', 'router')
  await until('the router to be gone', () => seen(app).observed.get('router.1')?.phase === 'stopped')
  await expect(ask(url)).rejects.toThrow('ECONNREFUSED')
  const refused = await app.cli(['scale', 'router=2'])
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('unknown process type "router"'),
  ])
  await done(app, 'restart', 'router')
  // Until then its newest run is the one that was stopped.
  await until('the router to be there again', () => pids(app)['router.1'])
  await listening(app)
  expect((await ask(url)).status).toBe(200)
  expect(await done(app, 'stop')).toContain('all stopped, nothing left running')
})

test('a foreground start says where it is; kill -9 of the supervisor and of the router costs the app nothing', async () => {
  const app = webApp()
  const { router, web } = ports(20)
  const url = `http://localhost:${router}`
  const options = ['-p', String(web), '-m', 'web=2', '--router', `0.0.0.0:${router}`]
  const first = app.start(options)
  await first.waitFor(new RegExp(`system   \\| http://0\\.0\\.0\\.0:${router} is one address`))
  await listening(app)
  const before = await running(app, 'web.1', 'web.2', 'router.1')
  kill9(await killSupervisor(app).then(() => before['router.1']))
  const second = app.start(options)
  await second.waitFor(/carries on from here: 2 still running/)
  await until('another router', () => ![undefined, before['router.1']].includes(pids(app)['router.1']))
  await listening(app)
  expect((await ask(url)).status).toBe(200)
  const after = await running(app, 'web.1', 'web.2', 'router.1')
  expect([after['web.1'], after['web.2']]).toEqual([before['web.1'], before['web.2']])

  // Now with a supervisor that holds the port: nobody is refused while there is no router.
  kill9(after['router.1'])
  const asked = [1, 2, 3, 4].map(() => ask(url))
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  await second.waitFor(/router\.1 was ended by SIGKILL .* starting again/)
  expect(isAlive(supervisorOf(app))).toBe(true)
  expect(pids(app)).toMatchObject({ 'web.1': before['web.1'], 'web.2': before['web.2'] })
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
  expect(second.lines().at(-1)).toContain('all stopped, nothing left running')
})

test('a request that does not end holds a stop up, until Ctrl-C comes again', async () => {
  const app = webApp()
  const { router, web } = ports(40)
  const run = app.start(['-p', String(web), '--router', String(router)])
  await run.waitFor(/router\.1 \| listening on/)
  const broken = ask(`http://127.0.0.1:${router}/never`).catch((error: Error) => error.message)
  await run.waitFor(/never begins/)
  run.signal('SIGINT')
  await run.waitFor(/SIGINT: stopping 2 processes/)
  await run.waitFor(/waiting for .*web\.1/)
  expect(run.output()).not.toContain('told to stop')
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(await broken).toMatch(/aborted|hang up|ECONNRESET/)
  expect(run.output()).toContain('all stopped, nothing left running')
})

test.each([
  [
    'a type of that name',
    'web: exec true\nrouter: exec true\n',
    String(portAt(60)),
    'the Procfile has a process type "router" of its own',
  ],
  ['no web', 'worker: exec true\n', String(portAt(60)), 'has no "web" that it could stand in front of'],
  ['no port', 'web: exec true\n', 'eighty', 'is not a port or host:port'],
  [
    'a port of the app',
    'web: exec true\n',
    String(portAt(61)),
    `port ${portAt(61)} is one of the ports of "web"`,
  ],
])('refused before anything starts: %s', async (_what, procfile, address, message) => {
  const app = webApp(procfile)
  const { code, stderr } = await app.cli(['start', '-p', String(portAt(61)), '--router', address])
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  expect(app.survivors()).toEqual([])
})

test('scale onto the port of the router is refused as a start with it is, also while no router runs', async () => {
  const app = webApp('web: exec sleep 300\n')
  const { router } = ports(40)
  const run = app.start(['-p', String(router - 1), '--router', String(router)])
  await running(app, 'web.1', 'router.1')
  const refused = {
    code: 2,
    stderr: expect.stringContaining(`port ${router} is one of the ports of "web"`) as string,
  }
  expect(await app.cli(['scale', 'web=2'])).toMatchObject(refused)
  await done(app, 'stop', 'router')
  await until('the router to be gone', () => seen(app).observed.get('router.1')?.phase === 'stopped')
  expect(await app.cli(['scale', 'web+1'])).toMatchObject(refused)
  expect(await done(app, 'scale')).toBe('web=1\n')
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
})

test('a taken port is refused before anything starts, with who has it', async () => {
  const app = webApp()
  const { router, web } = ports(80)
  const other = createServer().listen(router, '127.0.0.1')
  for (const how of [[], ['-D']]) {
    const args = ['start', ...how, '-p', String(web), '--router', String(router)]
    const { code, stderr } = await app.cli(args)
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`port ${router} of router\\.1 is taken by .*\\(pid ${process.pid}\\)`),
      ),
    ])
  }
  other.close()
})

test.each([
  // No name has a part that long, which is known without asking anybody.
  ['a name of nobody', `${'x'.repeat(64)}.invalid`, 'there is no such host'],
  ['an address of somebody else', '192.0.2.1', 'it is no address of this machine'],
])('refused before anything starts, and by the router itself: %s', async (_what, host, why) => {
  const app = webApp()
  const { router, web } = ports(95)
  const said = `the router cannot listen on ${host}: ${why}`
  for (const how of [[], ['-D']]) {
    const { code, stderr } = await app.cli([
      'start',
      ...how,
      '-p',
      String(web),
      '--router',
      `${host}:${router}`,
    ])
    expect([code, stderr]).toEqual([
      1,
      `tw-run: ${said}\n  hint: name an address of this machine: --router ${router}, or --router 0.0.0.0:${router} for all of them\n`,
    ])
  }
  // One that was right when it was started may be wrong later.
  const alone = ['route', '--host', host, '--state', app.stateDir]
  const { code, stdout, stderr } = await app.cli(alone, { PORT: String(router) })
  expect([code, stdout, stderr]).toEqual([1, `${said}\n`, ''])
})

test('who has to choose another port is told which option does that', async () => {
  const app = webApp()
  const { router, web } = ports(85)
  const other = createServer().listen(router, '127.0.0.1')
  const another = createServer().listen(router + 2, '127.0.0.1')
  const hintFor = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await app.cli(['start', ...args])
    expect(code).toBe(1)
    return /hint: (.*)\n/.exec(stderr)?.[1] ?? stderr
  }
  const wayOut = 'end that process, or choose other ports, such as:'
  // The next one that is neither taken nor of a process of this formation.
  const free = router + 3
  expect(await hintFor('-p', String(web), '--router', String(router))).toBe(`${wayOut} --router ${free}`)
  expect(await hintFor('-p', String(web), '--router', `0.0.0.0:${router}`)).toBe(
    `${wayOut} --router 0.0.0.0:${free}`,
  )
  expect(await hintFor('-p', String(router), '--router', String(web))).toBe(`${wayOut} -p ${router + 1000}`)
  expect(await hintFor('-p', String(web), '-m', 'web=2', '--router', `[::1]:${router}`)).toBe(
    `${wayOut} -p ${web + 1000} --router [::1]:${free}`,
  )
  other.close()
  another.close()
})

test('check, ports and env with the router as a variable', async () => {
  const app = webApp()
  const { router, web } = ports(100)
  const env = { TW_RUN_ROUTER: String(router), TW_RUN_PORT: String(web) }
  expect((await app.cli(['check'], env)).stdout).toContain('valid Procfile: web')
  expect((await app.cli(['ports'], env)).stdout).toMatch(new RegExp(`^router\\.1 +${router} +free$`, 'm'))
  expect((await app.cli(['env', 'router.1', '--show-values'], env)).stdout).toContain(`PORT=${router}\n`)
  const { code, stderr } = await app.cli(['check'], { ...env, TW_RUN_ROUTER: 'x' })
  expect([code, stderr]).toEqual([2, expect.stringContaining('is not a port or host:port')])
})

/** The newest run of the router listens. */
async function listening(app: LiveApp): Promise<void> {
  await until('the router to listen', () => /listening/.test(app.runFile('router.1', 'log') ?? ''))
}

function logsOf(app: LiveApp): string {
  return ['web.1', 'web.2'].map((id) => app.runFile(id, 'log') ?? '').join('')
}
