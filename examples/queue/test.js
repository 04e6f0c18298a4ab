import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import test from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

/** Where the app is: what `tw-run prove` says, else the first process of `tw-run start`. */
const BASE = process.env.TW_RUN_URL ?? process.env.BASE_URL ?? 'http://127.0.0.1:5000'
const ORDERS = 30
const DEADLINE_MS = 30_000

await test(`${ORDERS} orders are done, and each counts once`, async () => {
  const customer = `ann-${randomUUID()}`
  const orders = Array.from({ length: ORDERS }, (_, number) => ({ id: randomUUID(), points: number + 1 }))
  for (const { id, points } of orders) {
    const { status } = await ask('PUT', `/orders/${id}`, { customer, points })
    // 200: the first try was accepted, and its answer was lost.
    assert.ok(status === 201 || status === 200, `PUT: ${status}`)
  }
  for (const { id } of orders) await done(id)
  const total = orders.reduce((sum, { points }) => sum + points, 0)
  assert.deepEqual(await ask('GET', `/customers/${customer}`), { status: 200, answer: { points: total } })
})

await test('the same order twice is one order', async () => {
  const customer = `ben-${randomUUID()}`
  const id = randomUUID()
  await ask('PUT', `/orders/${id}`, { customer, points: 7 })
  assert.equal((await ask('PUT', `/orders/${id}`, { customer, points: 7 })).status, 200)
  await done(id)
  assert.equal((await ask('PUT', `/orders/${id}`, { customer, points: 7 })).status, 200)
  assert.equal((await ask('PUT', `/orders/${id}`, { customer, points: 8 })).status, 409)
  assert.deepEqual(await ask('GET', `/customers/${customer}`), { status: 200, answer: { points: 7 } })
})

async function done(id) {
  for (const end = Date.now() + DEADLINE_MS; ; await pause(50)) {
    const { status, answer } = await ask('GET', `/orders/${id}`)
    assert.equal(status, 200, `order ${id} is lost`)
    if (answer.state === 'done') return
    assert.ok(Date.now() < end, `order ${id} is not done after ${DEADLINE_MS} ms: ${JSON.stringify(answer)}`)
  }
}

/**
 * A process that is killed takes its requests with it: the router says 502, and one without a router hangs
 * up. Nobody knows then whether it was done. GET and PUT may be sent again, so that is what a client does, once.
 */
async function ask(method, path, value) {
  const first = await send(method, path, value).catch(() => ({ status: 502 }))
  return first.status === 502 ? await send(method, path, value) : first
}

async function send(method, path, value) {
  const sent = value === undefined ? {} : { method, body: JSON.stringify(value) }
  const response = await fetch(`${BASE}${path}`, sent)
  const text = await response.text()
  return { status: response.status, answer: response.status < 300 ? JSON.parse(text) : text }
}
