// A web process: it says who it is, and ends like a good one, with every request answered.
import { createServer } from 'node:http'

const { PORT, PS } = process.env
const server = createServer((request, response) => {
  if (request.url === '/slow') {
    process.stdout.write('slow begins\n')
    setTimeout(() => response.end(`${PS} ${process.pid} slow`), 1_000)
  } else if (request.url === '/never') {
    process.stdout.write('never begins\n')
    response.write('and never ends')
  } else response.end(`${PS} ${process.pid}`)
})
server.listen(Number(PORT), '127.0.0.1')
process.on('SIGTERM', () => {
  process.stdout.write('told to stop\n')
  // Whoever is still connected now would be cut off: the router has seen to that.
  process.exit(0)
})
