import { createServer } from 'node:http'

// Says yes at once and does the work after it, which only who is told to stop does before the end.
const store = process.env.STORE_URL
const pending = new Map()
const done = async (url) => {
  clearTimeout(pending.get(url))
  pending.delete(url)
  await fetch(store + url, { method: 'PUT' })
}

createServer(async ({ method, url }, response) => {
  if (method !== 'PUT') return response.writeHead((await fetch(store + url)).status).end()
  pending.set(
    url,
    setTimeout(() => void done(url), 1_000),
  )
  response.writeHead(202).end()
}).listen(process.env.PORT, '127.0.0.1')

process.on('SIGTERM', async () => {
  await Promise.all([...pending.keys()].map(done))
  process.exit(0)
})
