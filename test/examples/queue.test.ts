import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { done, pids } from '../support/control.ts'
import { eventually, exampleApp, filesOf, passWhileReplaced, REPLACED } from '../support/example.ts'
import { startExample, startService, stopExample } from '../support/example.ts'
import type { ExampleOptions, RunningExample } from '../support/example.ts'
import { kill9, until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { randomOf } from '../torture/random.js'

const test = requires('linux', 'redis-server')
/** 30 ports for each test: web from the first, worker from the eleventh, Redis at the last. */
let nextPort = portAt(0)

test(
  'examples/queue: its tests pass behind the router while all are replaced, and it writes nothing',
  { timeout: 60_000 },
  async () => {
    const queue = await startQueue({ webs: 2, workers: 2, router: true, args: REPLACED })
    const before = filesOf(queue.app)
    await passWhileReplaced(queue, ['node', 'test.js'])
    await queue.end()
    expect(filesOf(queue.app)).toEqual(before)
  },
)

test(
  '200 orders, workers killed with -9 at random: every order is done, and counts once',
  { timeout: 60_000 },
  async () => {
    const env = { LEASE_MS: '500', WORK_MS: '100' }
    const queue = await startQueue({ webs: 1, workers: 4, env, args: ['--restart', 'always'] })
    const names = Array.from({ length: 200 }, (_, number) => `${number + 1}`)
    for (const name of names) await queue.put(name, { customer: `customer-${name}`, points: Number(name) })

    const random = randomOf(4181)
    for (let kills = 0; kills < 12; kills += 1) {
      await pause(random() * 300)
      const alive = await until('a worker to be alive', () => workersOf(queue))
      kill9(alive[Math.floor(random() * alive.length)])
    }

    const attempts: number[] = []
    for (const name of names) {
      await eventually(async () => expect(await queue.order(name)).toMatchObject({ state: 'done' }))
      attempts.push((await queue.order(name)).attempts)
    }
    // Else no kill met a worker at its work, and nothing was shown.
    expect(Math.max(...attempts)).toBeGreaterThan(1)
    for (const name of names) expect(await queue.points(`customer-${name}`)).toBe(Number(name))
    await queue.end()
  },
)

test('an order whose worker is told to stop goes back at once', async () => {
  // Nobody waits for this lease.
  const env = { LEASE_MS: '600000', WORK_MS: '600000' }
  const queue = await startQueue({ webs: 1, workers: 1, env })
  await queue.put('slow', { customer: 'ben', points: 3 })
  await eventually(async () =>
    expect(await queue.order('slow')).toMatchObject({ state: 'taken', attempts: 1 }),
  )
  const first = pids(queue.app)['worker.1']
  await done(queue.app, 'restart', 'worker.1', '--wait')
  expect(pids(queue.app)['worker.1']).not.toBe(first)
  await queue.run.waitFor(/worker\.1 +\| gave order slow back/)
  await eventually(async () =>
    expect(await queue.order('slow')).toMatchObject({ state: 'taken', attempts: 2 }),
  )
  expect(await queue.points('ben')).toBe(0)
  await queue.end()
})

test('a worker that slept for longer than its lease does no harm when it wakes up', async () => {
  const env = { LEASE_MS: '300', WORK_MS: '1500' }
  const queue = await startQueue({ webs: 1, workers: 2, env })
  for (const name of ['first', 'second']) await queue.put(name, { customer: 'cleo', points: 5 })
  const stateOf = async (name: string): Promise<string> => (await queue.order(name)).state
  await eventually(async () => {
    expect([await stateOf('first'), await stateOf('second')]).toEqual(['taken', 'taken'])
  })
  const [asleep = 0] = workersOf(queue) ?? []
  process.kill(asleep, 'SIGSTOP')
  await eventually(async () => {
    expect([await stateOf('first'), await stateOf('second')]).toEqual(['done', 'done'])
  })
  process.kill(asleep, 'SIGCONT')
  await queue.run.waitFor(/order (first|second) had been done before/)
  expect(await queue.points('cleo')).toBe(10)
  await queue.end()
})

test('what is no order is refused', async () => {
  const { ports, put, end } = await startQueue({ webs: 1, workers: 1 })
  const send = async (name: string, body: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${ports[0]}/orders/${name}`, { method: 'PUT', body })).status
  expect(await put('one', { customer: 'dan', points: 1 })).toBe(201)
  expect(await put('one', { customer: 'dan', points: 1 })).toBe(200)
  expect(await put('one', { customer: 'dan', points: 2 })).toBe(409)
  expect(await send('two', 'no JSON')).toBe(400)
  expect(await send('two', 'null')).toBe(400)
  expect(await send('two', '{"points": 5}')).toBe(400)
  expect(await send('two', '{"customer": "dan", "points": -5}')).toBe(400)
  expect(await send('two', '{"customer": "dan", "points": 0.5}')).toBe(400)
  expect(await send('two', `{"customer": "dan", "points": 5, "more": "${'x'.repeat(20_000)}"}`)).toBe(400)
  expect(await send('t%20wo', '{"customer": "dan", "points": 5}')).toBe(404)
  await end()
})

interface Order {
  readonly state: string
  readonly attempts: number
}

interface Queue extends RunningExample {
  /** The status of the answer. */
  readonly put: (name: string, order: { customer: string; points: number }) => Promise<number>
  readonly order: (name: string) => Promise<Order>
  readonly points: (customer: string) => Promise<number>
  readonly end: () => Promise<void>
}

interface QueueOptions extends Pick<ExampleOptions, 'router' | 'args' | 'env'> {
  readonly webs: number
  readonly workers: number
}

async function startQueue(options: QueueOptions): Promise<Queue> {
  const { webs, workers, router = false, args = [], env = {} } = options
  const port = nextPort
  nextPort += 30
  const service = await startService('redis', port + 29)
  const example = await startExample(exampleApp('queue'), {
    port,
    webs,
    router,
    args: ['--formation', `web=${webs},worker=${workers}`, ...args],
    env: { REDIS_URL: `redis://127.0.0.1:${port + 29}`, ...env },
  })
  const base = `http://127.0.0.1:${port}`
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(`${base}${path}`)
    expect(response.status, path).toBe(200)
    return await response.json()
  }
  return {
    ...example,
    put: async (name, order) => {
      const sent = { method: 'PUT', body: JSON.stringify(order) }
      return (await fetch(`${base}/orders/${name}`, sent)).status
    },
    order: async (name) => (await get(`/orders/${name}`)) as Order,
    points: async (customer) => ((await get(`/customers/${customer}`)) as { points: number }).points,
    end: async () => {
      await stopExample(example)
      await stopExample(service)
    },
  }
}

/** The pids of the workers that run now; undefined if none does. */
function workersOf({ app }: RunningExample): number[] | undefined {
  const workers = Object.entries(pids(app)).flatMap(([id, pid]) => (id.startsWith('worker') ? [pid] : []))
  return workers.length === 0 ? undefined : workers
}
