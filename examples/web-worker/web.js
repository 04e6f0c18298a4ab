import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'

const { PORT, PS, TMPDIR = '/tmp' } = process.env

// A note that one process writes is unknown to the others: what they should share belongs in a database.
const note = join(TMPDIR, 'note')

const server = createServer(async (request, response) => {
  console.log(`${request.method} ${request.url}`)
  if (request.method === 'PUT') {
    await writeFile(note, request)
    response.end(`${PS} keeps a note\n`)
  } else {
    const text = await readFile(note, 'utf8').catch(() => 'no note here')
    response.end(`hello from ${PS} (pid ${process.pid}): ${text}\n`)
  }
})

server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${PORT}`))

process.on('SIGTERM', () => {
  console.log('closing')
  server.close()
  server.closeAllConnections()
})
