// A web process: it says who it is. With LATE (ms), one request in eight is answered so much later.
import { createServer } from 'node:http'

const { PORT, PS, LATE } = process.env
let count = 0
const server = createServer((request, response) => {
  if (request.url === '/slow') {
    process.stdout.write('slow begins\n')
    setTimeout(() => response.end(`${PS} ${process.pid} slow`), 1_000)
  } else if (request.url === '/never') {
    process.stdout.write('never begins\n')
    response.write('and never ends')
  } else if (LATE !== undefined && ++count % 8 === 0) setTimeout(() => response.end('late'), Number(LATE))
  else response.end(`${PS} ${process.pid}`)
})
server.listen(Number(PORT), '127.0.0.1')
process.on('SIGTERM', () => {
  process.stdout.write('told to stop\n')
  // Whoever is still connected now would be cut off: the router has seen to that.
  process.exit(0)
})
