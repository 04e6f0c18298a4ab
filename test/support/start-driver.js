// Runs `tw-run start <type>` for every `[type, environment]` given on stdin as JSON, one after another by the code
// behind the command line in one process, and writes their exit codes to a file:
// node start-driver.js <file> <folder for their state directories> <port>
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import command from '../../dist/cli/main.cjs'

const [, , file, folder, port] = process.argv
let input = ''
for await (const chunk of process.stdin.setEncoding('utf8')) input += chunk
// Each start listens to signals, as long as its process lives.
process.setMaxListeners(0)
const codes = []
for (const [index, [type, env]] of JSON.parse(input).entries()) {
  Object.assign(process.env, env)
  const state = join(folder, String(index))
  await command.main(['start', type, '--port', port, '--state-dir', state])
  codes.push(process.exitCode)
  process.exitCode = undefined
}
writeFileSync(file, JSON.stringify(codes))
process.exitCode = 0
