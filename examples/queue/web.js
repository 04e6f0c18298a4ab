import { createServer } from 'node:http'
import { openQueue } from './queue.js'

const LONGEST_BODY = 10_000

const queue = openQueue()

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`)
  answer(request).then(
    ([status, value]) => send(response, status, value),
    (error) => {
      console.error(`${request.method} ${request.url}: ${error.message}`)
      send(response, 503, { error: 'try again later' })
    },
  )
})

async function answer(request) {
  const [, kind, name] = /^\/(orders|customers)\/([\w-]{1,64})$/.exec(request.url) ?? []
  switch (`${request.method} ${kind}`) {
    case 'PUT orders':
      return await accept(name, await bodyOf(request))
    case 'GET orders': {
      const order = await queue.order(name)
      return order === undefined ? [404, { error: 'there is no such order' }] : [200, order]
    }
    case 'GET customers':
      return [200, { points: await queue.points(name) }]
    default:
      return [404, { error: 'PUT or GET /orders/id, GET /customers/name' }]
  }
}

/** The one who orders names the order: to send it again, after no answer came, is no second order. */
async function accept(id, body) {
  const { customer, points } = body ?? {}
  const isName = typeof customer === 'string' && /^[\w-]{1,64}$/.test(customer)
  const isAmount = Number.isInteger(points) && points > 0 && points <= 1e6
  if (!isName || !isAmount) return [400, { error: 'send {"customer": "ann", "points": 5}' }]
  const kind = await queue.accept(id, { customer, points })
  if (kind === 'different') return [409, { error: 'there is another order of this name' }]
  return [kind === 'new' ? 201 : 200, { order: id }]
}

/** JSON, or undefined if it is none. */
async function bodyOf(request) {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    if (text.length <= LONGEST_BODY) text += chunk
  }
  try {
    return text.length > LONGEST_BODY ? undefined : JSON.parse(text)
  } catch {
    // The answer says what is expected.
    return undefined
  }
}

function send(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`)
}

process.once('SIGTERM', () => {
  // Every request in flight gets its answer; a connection that sends nothing holds nobody up for long.
  const idle = setInterval(() => server.closeIdleConnections(), 20)
  setTimeout(() => server.closeAllConnections(), 3000).unref()
  server.close(() => {
    clearInterval(idle)
    queue.close()
  })
})

server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${process.env.PORT}`)
})
