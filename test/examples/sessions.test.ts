import { readFileSync } from 'node:fs'
import { describe, expect, test as anywhere } from 'vitest'
import { kill9, until } from '../support/live.ts'
import { done, pids } from '../support/control.ts'
import {
  exampleApp,
  filesOf,
  listening,
  eventually,
  REPLACED,
  passWhileReplaced,
  runItsTests,
  startExample,
  startService,
  stopExample,
} from '../support/example.ts'
import type { ExampleOptions, RunningExample } from '../support/example.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const ITS_TESTS = ['node', 'test.js'] as const
const TO_LOGIN = { status: 302, location: '/login' }

/** 30 ports for each test: web from the first, its store at the last. */
let nextPort = portAt(0)
const STORE = 29

interface Example {
  readonly name: 'redis' | 'memcached'
  readonly server: 'redis-server' | 'memcached'
  readonly environment: (port: number) => Record<string, string>
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'redis',
    server: 'redis-server',
    environment: (port) => ({ REDIS_URL: `redis://127.0.0.1:${port}` }),
  },
  { name: 'memcached', server: 'memcached', environment: (port) => ({ MEMCACHED: `127.0.0.1:${port}` }) },
]

describe.for(EXAMPLES.map((one) => [one.name, one] as const))('examples/sessions-%s', ([, example]) => {
  const test = requires('linux', example.server)

  test(
    'its tests pass behind the router while all are replaced, and it writes nothing',
    { timeout: 60_000 },
    async () => {
      const { web, end } = await started(example, { router: true, args: REPLACED })
      const before = filesOf(web.app)
      const hasPosted = (name: string): boolean =>
        new RegExp(`${name} +\\| POST /cart`).test(web.run.output())
      // Again where two took turns while one was replaced, so that it has seen nothing but GET.
      do await passWhileReplaced(web, ITS_TESTS)
      while (!['web.1', 'web.2', 'web.3'].every(hasPosted))
      await end()
      expect(filesOf(web.app)).toEqual(before)
    },
  )

  test('any process answers a session that began at another one', async () => {
    const { web, end } = await started(example)
    const [first = 0, second = 0, third = 0] = web.ports
    const ann = visitor()
    await ann.login(first, 'ann')
    await ann.add(second, 'tea')
    await ann.add(third, 'coffee')
    for (const port of web.ports)
      expect(await ann.cart(port)).toEqual({ user: 'ann', items: ['tea', 'coffee'] })
    await end()
  })

  test('replacing all processes loses nothing, and neither does kill -9', async () => {
    const { web, end } = await started(example, { args: ['--restart', 'always'] })
    const [first = 0, second = 0, third = 0] = web.ports
    const ann = visitor()
    await ann.login(first, 'ann')
    await ann.add(second, 'tea')

    const before = pids(web.app)
    await done(web.app, 'restart', 'web', '--wait')
    const after = pids(web.app)
    expect(Object.keys(after)).toEqual(Object.keys(before))
    for (const [id, pid] of Object.entries(after)) expect(pid, id).not.toBe(before[id])
    for (const port of web.ports) await listening(port, web.run)
    for (const port of web.ports) expect(await ann.cart(port)).toEqual({ user: 'ann', items: ['tea'] })

    kill9(after['web.3'])
    await until('web.3 to be another process', () => {
      const pid = pids(web.app)['web.3']
      return pid !== undefined && pid !== after['web.3']
    })
    await listening(third, web.run)
    expect(await ann.cart(third)).toEqual({ user: 'ann', items: ['tea'] })
    await end()
  })

  test('a session that nobody uses is gone in time, and one in use stays', async () => {
    const { web, end } = await started(example, { env: { SESSION_SECONDS: '4' } })
    const [first = 0, second = 0, third = 0] = web.ports
    const [ann, ben] = [visitor(), visitor()]
    await ann.login(first, 'ann')
    await ben.login(first, 'ben')
    // Longer than the time, so that what has to be gone is gone whatever the store's clock rounds to.
    for (const over = performance.now() + 6000; performance.now() < over;) {
      expect(await ben.cart(second)).toEqual({ user: 'ben', items: [] })
      const next = performance.now() + 200
      await until('the next look', () => performance.now() > next)
    }
    const known = ann.cookie()
    expect(await ann.ask(third, 'GET', '/cart')).toEqual(TO_LOGIN)
    expect(ann.cookie()).not.toBe(known)
    await end()
  })

  test('without its store it says so at once, and nobody is logged out', async () => {
    const { web, service, storePort } = await started(example)
    const [first = 0, second = 0] = web.ports
    const ann = visitor()
    await ann.login(first, 'ann')
    await stopExample(service)
    const known = ann.cookie()
    expect((await ann.ask(second, 'GET', '/cart')).status).toBe(503)
    expect(ann.cookie()).toBe(known)

    const again = await startService(example.name, storePort)
    await eventually(async () => expect(await ann.ask(second, 'GET', '/cart')).toEqual(TO_LOGIN))
    await ann.login(second, 'ann')
    await eventually(async () => expect(await ann.cart(first)).toEqual({ user: 'ann', items: [] }))
    await stopExample(web)
    await stopExample(again)
  })
})

describe('examples/sessions-memory', () => {
  const test = requires('linux')

  test('its tests pass with one process and fail behind the router', async () => {
    const options = { port: portsOfATest(), webs: 3, router: true }
    const web = await startExample(exampleApp('sessions-memory'), options)
    const before = filesOf(web.app)
    const alone = await runItsTests(web.app, ITS_TESTS, `http://127.0.0.1:${web.ports[0]}`)
    expect(alone.code, alone.output).toBe(0)
    const together = await runItsTests(web.app, ITS_TESTS, web.url)
    expect(together.code, together.output).toBe(1)
    await stopExample(web)
    expect(filesOf(web.app)).toEqual(before)
  })

  test('a session is known to one process only, and ends with it', async () => {
    const web = await startExample(exampleApp('sessions-memory'), { port: portsOfATest(), webs: 2 })
    const [first = 0, second = 0] = web.ports
    const ann = visitor()
    await ann.login(first, 'ann')
    await ann.add(first, 'tea')
    expect(await ann.cart(first)).toEqual({ user: 'ann', items: ['tea'] })

    const mine = ann.cookie()
    expect(await ann.ask(second, 'GET', '/cart')).toEqual(TO_LOGIN)
    expect(ann.cookie(), 'the other one gives a cookie of its own').not.toBe(mine)

    ann.show(mine)
    expect(await ann.cart(first)).toEqual({ user: 'ann', items: ['tea'] })
    await done(web.app, 'restart', 'web.1', '--wait')
    await listening(first, web.run)
    expect(await ann.ask(first, 'GET', '/cart')).toEqual(TO_LOGIN)
    await stopExample(web)
  })

  test('a session that nobody uses is gone in time', async () => {
    const options = { port: portsOfATest(), webs: 1, env: { SESSION_SECONDS: '3' } }
    const web = await startExample(exampleApp('sessions-memory'), options)
    const [port = 0] = web.ports
    const ann = visitor()
    await ann.login(port, 'ann')
    expect(await ann.cart(port)).toEqual({ user: 'ann', items: [] })
    const over = performance.now() + 3100
    await until('its time to be over', () => performance.now() > over)
    expect(await ann.ask(port, 'GET', '/cart')).toEqual(TO_LOGIN)
    await stopExample(web)
  })

  test('a cookie that somebody made up is not taken over, and what is no form is refused', async () => {
    const web = await startExample(exampleApp('sessions-memory'), { port: portsOfATest(), webs: 1 })
    const [port = 0] = web.ports
    const ann = visitor()
    const madeUp = `sid=${'x'.repeat(32)}`
    ann.show(madeUp)
    expect(await ann.ask(port, 'GET', '/cart')).toEqual(TO_LOGIN)
    expect(ann.cookie()).toMatch(/^sid=[\w-]{32}$/)
    expect(ann.cookie()).not.toBe(madeUp)
    expect((await ann.ask(port, 'POST', '/login', { user: '' })).status).toBe(400)
    expect((await ann.ask(port, 'POST', '/login', { user: 'a\nb' })).status).toBe(400)
    expect((await ann.ask(port, 'POST', '/login', { user: 'a'.repeat(101) })).status).toBe(400)
    expect((await ann.ask(port, 'POST', '/login', { user: 'a'.repeat(1_000_000) })).status).toBe(413)
    expect((await ann.ask(port, 'GET', '/elsewhere')).status).toBe(404)
    expect(await ann.ask(port, 'GET', '/cart')).toEqual(TO_LOGIN)
    await stopExample(web)
  })
})

anywhere('the three are one app: they differ in the store only', () => {
  const [memory, redis, memcached] = ['memory', 'redis', 'memcached'].map((name) => source(name))
  expect(redis).toBe(memcached)
  expect(redis?.replace('close, store', 'store').replace('store, close', 'store')).toBe(memory)
})

function source(name: string): string {
  return readFileSync(new URL(`../../examples/sessions-${name}/web.js`, import.meta.url), 'utf8')
}

function portsOfATest(): number {
  nextPort += 30
  return nextPort - 30
}

/** Three processes of web, and their store. */
async function started(
  { name, environment }: Example,
  { router = false, args = [], env = {} }: Partial<ExampleOptions> = {},
): Promise<{ web: RunningExample; service: RunningExample; storePort: number; end: () => Promise<void> }> {
  const port = portsOfATest()
  const storePort = port + STORE
  const service = await startService(name, storePort)
  const web = await startExample(exampleApp(`sessions-${name}`), {
    port,
    webs: 3,
    router,
    args,
    env: { ...environment(storePort), ...env },
  })
  const end = async (): Promise<void> => {
    await stopExample(web)
    await stopExample(service)
  }
  return { web, service, storePort, end }
}

interface Visitor {
  ask(port: number, method: string, path: string, form?: Record<string, string>): Promise<Answer>
  login(port: number, user: string): Promise<void>
  add(port: number, item: string): Promise<void>
  cart(port: number): Promise<unknown>
  cookie(): string
  show(cookie: string): void
}

interface Answer {
  readonly status: number
  readonly location?: string | null
}

/** Somebody with a browser, who can choose the process that answers. */
function visitor(): Visitor {
  let cookie = ''
  const send: (...args: Parameters<Visitor['ask']>) => Promise<Response> = async (
    port,
    method,
    path,
    form,
  ) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      redirect: 'manual',
      headers: { cookie, connection: 'close' },
      ...(form !== undefined && { body: new URLSearchParams(form) }),
    })
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    return response
  }
  const ask: Visitor['ask'] = async (...args) => {
    const { status, headers } = await send(...args)
    return status === 302 ? { status, location: headers.get('location') } : { status }
  }
  return {
    ask,
    login: async (port, user) =>
      expect(await ask(port, 'POST', '/login', { user })).toEqual({ status: 302, location: '/cart' }),
    add: async (port, item) =>
      expect(await ask(port, 'POST', '/cart', { item })).toEqual({ status: 302, location: '/cart' }),
    cart: async (port) => {
      const response = await send(port, 'GET', '/cart')
      expect(response.status, `GET /cart of ${port}`).toBe(200)
      return await response.json()
    },
    cookie: () => cookie,
    show: (other) => void (cookie = other),
  }
}
