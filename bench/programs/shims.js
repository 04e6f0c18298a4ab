// Floor: the least a Node program must do to run processes that outlive it and lose neither an exit code nor a line.
// A lock that its death gives back; for each a FIFO that tells who lives, a log, a session of its own and a shell that
// writes down how it ended; and it shows what they write. It records nothing else, and checks nothing.
// node shims.js <file with one command a line> <folder> [bash: one bash forks the shims, and is waited for]
//   [record: each has an environment and a folder for temporary files of its own, and is on record before it begins,
//   so that a kill -9 in between starts none twice]
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const SHIM = `trap : TERM INT HUP
(echo $$ >"$1/pid"; exec /bin/sh -c "$2" >&4 2>&4 3>&- 4>&-)
echo $? >"$1/exit"`
const LOOK_MS = 1
/** Longer than any start of the benchmark; after it, as a manager with watches would, it looks seldom. */
const HURRY_MS = 2_000

const [, , file, folder, launcher, record] = process.argv
const commands = readFileSync(file, 'utf8').trimEnd().split('\n')
const kept = commands.map((command, index) => ({ command, path: join(folder, `kept-${index}`), shown: 0 }))
const bytes = Buffer.alloc(65_536)
let isEnding = false

function start(one) {
  const life = openSync(join(one.path, 'life'), 'r+')
  const log = openSync(join(one.path, 'log'), 'a')
  one.child = spawn('/bin/sh', ['-c', SHIM, 'shim', one.path, one.command], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', life, log],
  })
  closeSync(life)
  closeSync(log)
  one.child.once('exit', () => {
    if (!isEnding) start(one)
  })
}

/** One bash for all, which forks where Node would copy its own tables and execute a shell; each gets a group of its own. */
function startByBash(launched) {
  const lines = kept.map(
    ({ path, command, own = '' }) =>
      `${own} shim '${path}' '${command}' 3<>'${path}/life' 4>>'${path}/log' & disown`,
  )
  const shim = `set -m\nunset SHIMS\nshim() {\n${SHIM.replace('$$', '$BASHPID')}\n}`
  const env = { ...process.env, SHIMS: [shim, ...lines].join('\n') }
  spawn('bash', ['-p', '-c', 'eval "$SHIMS"'], { detached: true, stdio: 'ignore', env }).once(
    'exit',
    launched,
  )
}

/** What is to be, under the name by which it is found, and what is its own. */
function putOnRecord(one, index) {
  const token = randomBytes(8).toString('hex')
  const scratch = join(folder, `scratch-${token}`)
  const { command, path } = one
  const port = 5_000 + index
  const spec = { token, command, port, scratch, startedAt: performance.now(), startedWall: Date.now() }
  writeFileSync(join(path, 'spec.json'), JSON.stringify(spec), { mode: 0o600 })
  one.path = `${path}-named`
  renameSync(path, one.path)
  mkdirSync(scratch, { mode: 0o700 })
  one.own = `PORT=${port} PS=p.${index} TW_RUN_PROCESS=p.${index} TW_RUN_INSTANCE=${token} TMPDIR='${scratch}'`
}

function show(one) {
  const length = readSync(one.log, bytes, 0, bytes.length, one.shown)
  if (length === 0) return
  one.shown += length
  writeSync(1, bytes, 0, length)
}

function look() {
  kept.forEach(show)
  setTimeout(look, performance.now() < HURRY_MS ? LOOK_MS : 50 * LOOK_MS)
}

const lock = openSync(join(folder, 'lock'), 'w')
spawnSync('flock', ['-n', '-x', '3'], { stdio: ['ignore', 'ignore', 'ignore', lock] })
for (const { path } of kept) mkdirSync(path)
spawnSync(
  'mkfifo',
  kept.map(({ path }) => join(path, 'life')),
)
if (record !== undefined) {
  writeFileSync(join(folder, 'session.next'), JSON.stringify({ commands }))
  renameSync(join(folder, 'session.next'), join(folder, 'session'))
  for (const [index, one] of kept.entries()) putOnRecord(one, index)
}

// What bash has forked may not have opened its log yet.
function lookAtAll() {
  for (const one of kept) one.log = openSync(join(one.path, 'log'), 'a+')
  look()
}

if (launcher === 'bash') startByBash(lookAtAll)
else {
  for (const one of kept) start(one)
  lookAtAll()
}
process.once('SIGINT', () => {
  isEnding = true
  for (const { child } of kept) if (child.pid > 1) process.kill(-child.pid, 'SIGTERM')
  process.exit()
})
