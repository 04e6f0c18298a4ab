// Floor: the least a Node program must do to run processes that outlive it and lose neither an exit code nor a line.
// A lock that its death gives back; for each a FIFO that tells who lives, a log, a session of its own and a shell that
// writes down how it ended; and it shows what they write. It records nothing else, and checks nothing.
// node shims.js <file with one command a line> <folder> [bash: one bash forks the shims, and is waited for]
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const SHIM = `trap : TERM INT HUP
(echo $$ >"$1/pid"; exec /bin/sh -c "$2" >&4 2>&4 3>&- 4>&-)
echo $? >"$1/exit"`
const LOOK_MS = 1
/** Longer than any start of the benchmark; after it, as a manager with watches would, it looks seldom. */
const HURRY_MS = 2_000

const [, , file, folder, launcher] = process.argv
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
    ({ path, command }) => `shim '${path}' '${command}' 3<>'${path}/life' 4>>'${path}/log' & disown`,
  )
  const shim = `set -m\nunset SHIMS\nshim() {\n${SHIM.replace('$$', '$BASHPID')}\n}`
  const env = { ...process.env, SHIMS: [shim, ...lines].join('\n') }
  spawn('bash', ['-p', '-c', 'eval "$SHIMS"'], { detached: true, stdio: 'ignore', env }).once(
    'exit',
    launched,
  )
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
