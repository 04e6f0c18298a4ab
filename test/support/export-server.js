// Says over HTTP what has arrived in the process; asked to stop, it says so in a file.
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'

const { PORT, PS } = process.env
process.on('SIGTERM', () => {
  writeFileSync(`stopped-${PS}`, '')
  process.exit(0)
})
const facts = { argv: process.argv.slice(2), env: process.env, pid: process.pid, cwd: process.cwd() }
createServer((_, response) => response.end(JSON.stringify(facts))).listen(Number(PORT), '127.0.0.1')
