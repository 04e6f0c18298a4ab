import { createServer } from 'node:http'

const { PORT, PS, GREETING = 'hello' } = process.env

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`)
  response.end(`${GREETING} from ${PS}\n`)
})

// On every address: in a container 127.0.0.1 leads nowhere but to itself.
server.listen(Number(PORT), () => console.log(`listening on ${PORT}`))

process.on('SIGTERM', () => {
  console.log('closing')
  server.close()
  server.closeAllConnections()
})
