import { createServer } from 'node:http'
import { Redis } from 'ioredis'

const { PORT, PS, REDIS_PORT, WARM_UP_MS = '2000', DIES } = process.env
const redis = new Redis({ host: '127.0.0.1', port: Number(REDIS_PORT) })
// Redis may be told to stop in the same moment as we are.
redis.on('error', () => {})

const server = createServer(async (request, response) => {
  if (DIES === 'when asked') die()
  if (request.method === 'POST') {
    await redis.rpush('jobs', PS)
    response.writeHead(202).end()
  } else {
    response.end(`${(await redis.get('done')) ?? 0}\n`)
  }
})

/** For the tests of tw-run: a web that does not come up, or does not stay. */
function die() {
  console.error(`${PS} has lost its database`)
  process.exit(9)
}

if (DIES === 'at boot') setTimeout(die, 300)

// A cache that has to be warm first: a process is up long before it is of use.
setTimeout(() => {
  server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${PORT}`))
}, Number(WARM_UP_MS))

process.on('SIGTERM', () => {
  server.close(() => redis.disconnect())
  server.closeIdleConnections()
})
