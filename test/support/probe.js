// A process under the test's control: what it does is in its arguments, and it says what happens to it.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [, , ...traits] = process.argv
const has = (trait) => traits.includes(trait)
const say = (text) => process.stdout.write(`${text}\n`)

let terms = 0
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']) {
  process.on(signal, () => {
    terms += 1
    say(`got ${signal} number ${terms}`)
    if (!has('stubborn') && signal === 'SIGTERM') {
      if (has('slow')) setTimeout(() => process.exit(0), 700)
      else process.exit(0)
    }
  })
}
if (has('listen'))
  createServer((_, response) => response.end('ok')).listen(Number(process.env.PORT), '127.0.0.1')
// Leaves the session and the group, and its parent, as a daemon does.
if (has('daemon'))
  spawn('setsid', ['sh', '-c', 'sleep 300 & wait'], { stdio: 'ignore', detached: true }).unref()
if (has('daemon-stubborn'))
  spawn('setsid', ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'], {
    stdio: 'ignore',
    detached: true,
  }).unref()
if (has('child')) spawn(process.execPath, [process.argv[1], 'grandchild'], { stdio: 'inherit' })
if (has('stopped')) setTimeout(() => process.kill(process.pid, 'SIGSTOP'), 50)
setInterval(() => {}, 60_000)
// For those who wait with a shell's means: signals are handled from here on.
if (has('mark')) writeFileSync(`up-${process.env.PS}`, '')
say(`ready ${traits.join(' ')} pid ${process.pid}`)
