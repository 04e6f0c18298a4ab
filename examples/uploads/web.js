import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { extname } from 'node:path'

const [, , kind] = process.argv
const LARGEST = Number(process.env.MAX_UPLOAD_BYTES ?? 8 * 1024 * 1024)
const TYPES = { '.jpg': 'image/jpeg', '.pdf': 'application/pdf', '.png': 'image/png', '.txt': 'text/plain' }

const stores = { folder: './store-folder.js', database: './store-database.js' }
if (stores[kind] === undefined) throw new Error('usage: node web.js folder|database')
const store = await import(stores[kind])

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`)
  answer(request, response).catch((error) => {
    console.error(`${request.method} ${request.url}: ${error.message}`)
    // A client reads the answer when it has sent everything.
    request.resume()
    if (response.headersSent) response.destroy()
    else text(response, error.status ?? 503, error.status === undefined ? 'try again later' : error.message)
  })
})

async function answer(request, response) {
  const name = /^\/uploads\/(\w[\w.-]{0,99})$/.exec(request.url)?.[1]
  const type = TYPES[extname(name ?? '').toLowerCase()]
  if (type === undefined)
    return text(response, 404, `PUT or GET /uploads/name, ${Object.keys(TYPES).join(' ')}`)
  if (request.method === 'PUT') return await receive(name, request, response)
  if (request.method !== 'GET') return text(response, 405, 'PUT or GET')
  const body = await store.get(name)
  if (body === undefined) return text(response, 404, 'there is no such upload')
  // Somebody else's file is never a page of ours.
  const safe = { 'content-disposition': 'attachment', 'x-content-type-options': 'nosniff' }
  response.writeHead(200, { 'content-type': type, 'content-length': body.length, ...safe }).end(body)
}

async function receive(name, request, response) {
  const hash = createHash('sha256')
  let bytes = 0
  await store.put(name, async function* measured() {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length
      if (bytes > LARGEST) throw refusal(413, `at most ${LARGEST} bytes`)
      hash.update(chunk)
      yield chunk
    }
  })
  response.writeHead(201, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify({ name, bytes, sha256: hash.digest('hex') })}\n`)
}

function refusal(status, message) {
  return Object.assign(new Error(message), { status })
}

function text(response, status, message) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`)
}

process.once('SIGTERM', () => {
  // Every request in flight gets its answer; a connection that sends nothing holds nobody up for long.
  const idle = setInterval(() => server.closeIdleConnections(), 20)
  setTimeout(() => server.closeAllConnections(), 3000).unref()
  server.close(() => {
    clearInterval(idle)
    store.close()
  })
})

server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${process.env.PORT}`)
})
