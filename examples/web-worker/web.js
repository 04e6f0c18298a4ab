import { createServer } from 'node:http'

const { PORT, PS } = process.env
const name = `${PS} (pid ${process.pid})`

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`)
  response.end(`hello from ${name}\n`)
})

server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${PORT}`))

process.on('SIGTERM', () => {
  console.log('closing')
  server.close()
  server.closeAllConnections()
})
