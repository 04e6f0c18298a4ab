// Runs one-off processes, given on stdin as `[words, separated, environment][]`, one after another by the code
// behind `tw-run run`, and prints their exit codes. A process of Node for each would take a minute.
import { run } from '../../dist/cli/run-action.cjs'

let input = ''
for await (const chunk of process.stdin.setEncoding('utf8')) input += chunk
const codes = []
for (const [words, separated, env] of JSON.parse(input)) {
  Object.assign(process.env, env)
  codes.push(await run(words, separated, {}))
}
process.stdout.write(JSON.stringify(codes))
