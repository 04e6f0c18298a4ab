import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'

/** How long a session lives after its last request, in seconds. */
const SECONDS = Number(process.env.SESSION_SECONDS ?? 1800)
const LONGEST_BODY = 10_000
const LARGEST_CART = 500

/**
 * A session is a list of entries, and a store has four functions for it, which may return promises:
 *   create(id, entry, seconds)
 *   read(id, seconds)           the entries, or undefined when there is no such session; prolongs it
 *   append(id, entry, seconds)  false when there is no such session; prolongs it
 *   remove(id)
 * Entries are only ever added, so two requests of one client at once lose nothing, whichever processes they meet.
 */
export async function serve(store, close = () => undefined) {
  const server = createServer((request, response) => {
    answer(store, request, response).catch((error) => {
      console.error(`${request.method} ${request.url}: ${error.message}`)
      if (response.headersSent) response.destroy()
      else text(response, error.status ?? 503, error.status === undefined ? 'try again later' : error.message)
    })
  })
  process.once('SIGTERM', () => {
    // Every request in flight gets its answer; a connection that sends nothing holds nobody up for long.
    const idle = setInterval(() => server.closeIdleConnections(), 20)
    setTimeout(() => server.closeAllConnections(), 3000).unref()
    server.close(() => {
      clearInterval(idle)
      close()
      // Nobody waits for us any more, whatever a store still holds on to.
      setTimeout(() => process.exit(), 500).unref()
    })
  })
  server.listen(Number(process.env.PORT), '127.0.0.1')
  await once(server, 'listening')
  console.log(`listening on http://127.0.0.1:${process.env.PORT}`)
}

async function answer(store, request, response) {
  console.log(`${request.method} ${request.url}`)
  const session = await sessionOf(store, request)
  switch (`${request.method} ${request.url}`) {
    case 'GET /':
      return redirect(response, '/cart')
    case 'GET /login':
      return text(response, 200, 'Who are you? Send a form with your name: user=ann')
    case 'POST /login':
      return await login(store, session, request, response)
    case 'POST /logout':
      if (session !== undefined) await store.remove(session.id)
      setCookie(response, 'sid=', 0)
      return redirect(response, '/login')
    case 'GET /cart':
      if (session?.user === undefined) return await askWhoItIs(store, session, response)
      return json(response, { user: session.user, items: session.items })
    case 'POST /cart':
      if (session?.user === undefined) return await askWhoItIs(store, session, response)
      return await addToCart(store, session, request, response)
    default:
      return text(response, 404, 'there is no such page')
  }
}

async function sessionOf(store, request) {
  const id = /(?:^|;\s*)sid=([\w-]{32})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1]
  const entries = id === undefined ? undefined : await store.read(id, SECONDS)
  if (entries === undefined) return undefined
  const items = entries.flatMap(({ item }) => (item === undefined ? [] : [item]))
  return { id, user: entries[0]?.user, items }
}

/** Somebody new gets a session before the login; an id that only the client knows is never taken over. */
async function askWhoItIs(store, session, response) {
  if (session === undefined) await begin(store, response, {})
  redirect(response, '/login')
}

/** A login has a new id: who knew the old one is not logged in by it. */
async function login(store, session, request, response) {
  const user = await field(request, 'user')
  if (session !== undefined) await store.remove(session.id)
  await begin(store, response, { user })
  redirect(response, '/cart')
}

async function addToCart(store, session, request, response) {
  const item = await field(request, 'item')
  if (session.items.length >= LARGEST_CART) return text(response, 409, 'the cart is full')
  const isKept = await store.append(session.id, { item }, SECONDS)
  redirect(response, isKept ? '/cart' : '/login')
}

async function begin(store, response, entry) {
  const id = randomBytes(24).toString('base64url')
  await store.create(id, entry, SECONDS)
  setCookie(response, `sid=${id}`)
}

/** Without a time of its own the cookie goes with the browser; the store alone says when a session is over. */
function setCookie(response, cookie, seconds) {
  const age = seconds === undefined ? '' : `; Max-Age=${seconds}`
  response.setHeader('set-cookie', `${cookie}; Path=/; HttpOnly; SameSite=Lax${age}`)
}

async function field(request, name) {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    if (body.length <= LONGEST_BODY) body += chunk
  }
  if (body.length > LONGEST_BODY) throw refusal(413, 'this is too long')
  const value = new URLSearchParams(body).get(name) ?? ''
  if (!/^[^\p{Cc}]{1,100}$/u.test(value)) throw refusal(400, `send a form with ${name}=, 1 to 100 characters`)
  return value
}

function refusal(status, message) {
  return Object.assign(new Error(message), { status })
}

function redirect(response, location) {
  response.writeHead(302, { location }).end()
}

function text(response, status, message) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`)
}

function json(response, value) {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(value)}\n`)
}
