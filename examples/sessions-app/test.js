import assert from 'node:assert/strict'
import test from 'node:test'

/** Where the app is: what `tw-run prove` says, else the first process of `tw-run start`. */
const BASE = process.env.TW_RUN_URL ?? process.env.BASE_URL ?? 'http://127.0.0.1:5000'

await test('a stranger is asked who it is', async () => {
  const { ask } = visitor()
  assert.deepEqual(await ask('GET', '/cart'), { status: 302, location: '/login' })
  assert.deepEqual(await ask('POST', '/cart', { item: 'tea' }), { status: 302, location: '/login' })
})

await test('what is put into the cart is in the cart', async () => {
  const { ask, login, cart } = visitor()
  await login('ann')
  const items = []
  for (const number of Array(10).keys()) {
    const item = `item ${number} & more`
    items.push(item)
    assert.deepEqual(await ask('POST', '/cart', { item }), { status: 302, location: '/cart' })
    assert.deepEqual(await cart(), { user: 'ann', items })
  }
})

await test('ten requests at once lose nothing', async () => {
  const { ask, login, cart } = visitor()
  await login('ben')
  const items = Array.from({ length: 10 }, (_, number) => `item ${number}`)
  await Promise.all(items.map((item) => ask('POST', '/cart', { item })))
  const { items: found } = await cart()
  assert.deepEqual(found.toSorted(), items)
})

await test('two customers have two carts', async () => {
  const [cleo, dan] = [visitor(), visitor()]
  await cleo.login('cleo')
  await dan.login('dan')
  await cleo.ask('POST', '/cart', { item: 'coffee' })
  await dan.ask('POST', '/cart', { item: 'tea' })
  assert.deepEqual(await cleo.cart(), { user: 'cleo', items: ['coffee'] })
  assert.deepEqual(await dan.cart(), { user: 'dan', items: ['tea'] })
})

await test('a login has a new session, and a logout ends it', async () => {
  const { ask, login, cookie, show } = visitor()
  await ask('GET', '/cart')
  const before = cookie()
  await login('eve')
  const during = cookie()
  assert.notEqual(during, before)
  await ask('POST', '/logout')
  show(during)
  assert.deepEqual(await ask('GET', '/cart'), { status: 302, location: '/login' })
})

/** Somebody with a browser: it keeps the one cookie that it was sent. */
function visitor() {
  let cookie
  const ask = async (method, path, form) => {
    const response = await fetch(`${BASE}${path}`, {
      method,
      redirect: 'manual',
      headers: cookie === undefined ? {} : { cookie },
      ...(form !== undefined && { body: new URLSearchParams(form) }),
    })
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    const text = await response.text()
    if (response.status !== 302) return { status: response.status, text }
    return { status: 302, location: response.headers.get('location') }
  }
  const cart = async () => {
    const { status, location, text } = await ask('GET', '/cart')
    assert.equal(status, 200, `GET /cart: ${status} ${location ?? text}`)
    const { user, items } = JSON.parse(text)
    return { user, items }
  }
  const login = async (user) => {
    assert.deepEqual(await ask('POST', '/login', { user }), { status: 302, location: '/cart' })
  }
  return { ask, cart, login, cookie: () => cookie, show: (other) => void (cookie = other) }
}
