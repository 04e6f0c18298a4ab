// kill -9 of tw-run at random moments, again and again, while its processes write: nothing may notice but the log.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { randomOf } from './random.js'
import { lineOf } from './stream.js'

const BIN = fileURLToPath(new URL('../../dist/cli/tw-run.cjs', import.meta.url))
/** Everything that is started here carries it in its environment. */
const MARK = 'TW_TORTURE_MARK'
const STREAM = fileURLToPath(new URL('./stream.js', import.meta.url))
/** What may be shown twice after a kill, bytes: one batch of the follower, and the one behind it. */
const TWICE_AT_MOST = 2 * 512 * 1024

/** What stands before anything that may be shown twice. */
const SEAM = /carries on from here/

/** How many lines the one writes that writes as fast as it can: 19 MB, which is less than what a log is cut to. */
const BURST = 150_000

/** One that writes as fast as it can and ends, two that write all the time, one that ends now and then. */
const PROCFILE = `burst: node ${STREAM} 64 0 ${BURST}
steady: node ${STREAM} 16 10
slow: node ${STREAM} 0.01 7
ends: echo started >>starts; sleep 0.4; exit 7
`

/** Kills so often, on ports from this one on, 400 of them; what was wrong, as sentences, and what was seen. */
export async function torture({ kills, seed, port, progress = () => {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'tw-run-torture-'))
  const root = join(folder, 'app')
  mkdirSync(root)
  writeFileSync(join(root, 'Procfile'), PROCFILE)
  const world = { root, stateDir: join(folder, 'state'), port, mark: randomUUID(), sessions: [] }
  const random = randomOf(seed)
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      const run = start(world)
      // Some within the start itself, most in the middle of the work.
      await sleep(random() < 0.3 ? 40 + random() * 120 : 100 + random() * 300)
      run.kill('SIGKILL')
      await run.ended
      progress(kill + 1)
    }
    const last = start(world)
    await last.shows(SEAM)
    await sleep(500)
    last.kill('SIGINT')
    const code = await last.ended
    return judge(world, code)
  } finally {
    await endAll(world.mark)
    rmSync(folder, { recursive: true, force: true })
  }
}

function start(world) {
  const { root, stateDir, port, mark, sessions } = world
  const child = spawn(
    process.execPath,
    [BIN, 'start', '-p', String(port), '--restart', 'on-failure', '-t', '2', '--no-timestamps'],
    {
      cwd: root,
      env: { PATH: process.env.PATH, TW_RUN_STATE_DIR: stateDir, [MARK]: mark },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const chunks = []
  sessions.push(chunks)
  child.stdout.on('data', (chunk) => chunks.push(chunk))
  child.stderr.on('data', (chunk) => chunks.push(chunk))
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)))
  return {
    ended,
    kill: (signal) => process.kill(child.pid, signal),
    async shows(pattern) {
      const end = performance.now() + 10_000
      while (!pattern.test(Buffer.concat(chunks.slice(0, 20)).toString())) {
        if (performance.now() > end) throw new Error(`${pattern} was not shown within 10 s`)
        await sleep(10)
      }
    },
  }
}

/** Ends what is left after something went wrong. */
async function endAll(mark) {
  for (let left = carriersOf(mark); left.length > 0; left = carriersOf(mark)) {
    for (const pid of left) killIfThere(pid)
    await sleep(20)
  }
}

function carriersOf(mark) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${MARK}=${mark}`)
    } catch {
      // It ended meanwhile, or is not ours to see.
      return false
    }
  })
}

function killIfThere(pid) {
  try {
    process.kill(Number(pid), 'SIGKILL')
  } catch {
    // It ended by itself in this moment.
  }
}

function judge(world, code) {
  const wrong = []
  if (code !== 130) wrong.push(`the last one ended with ${code} instead of 130`)
  const shown = readShown(world.sessions, wrong)
  const seen = { kills: world.sessions.length - 1, lines: 0, twice: 0, mostTwice: 0, ends: 0 }
  for (const id of ['burst.1', 'steady.1', 'slow.1']) judgeLines(id, shown, wrong, seen)
  const [state] = readdirSync(world.stateDir)
  const processes = join(world.stateDir, state, 'processes')
  for (const id of ['burst.1', 'steady.1', 'slow.1']) judgeLog(join(processes, id), id, wrong)
  judgeEnds(join(processes, 'ends.1'), join(world.root, 'starts'), wrong, seen)
  return { wrong, seen }
}

/** The lines of each process, session by session; what was cut off by a kill has no newline and is left out. */
function readShown(sessions, wrong) {
  return sessions.map((chunks) => {
    const lines = new Map()
    let isMarked = false
    // Of these something was shown before a line that says that tw-run carries on.
    const unmarked = new Set()
    for (const line of Buffer.concat(chunks).toString().split('\n').slice(0, -1)) {
      const [, id, text] = /^(\S+)\s*\| (.*)$/.exec(line) ?? []
      if (id === undefined) wrong.push(`not a whole line: ${line.slice(0, 100)}`)
      else lines.set(id, push(lines.get(id), text))
      if (id === 'system' && SEAM.test(text)) isMarked = true
      else if (!isMarked) unmarked.add(id)
    }
    return { lines, unmarked }
  })
}

/** Appends in place: the arrays are long. */
function push(array = [], text) {
  array.push(text)
  return array
}

function judgeLines(id, shown, wrong, seen) {
  let pid
  let last = 0
  for (const [session, { lines, unmarked }] of shown.entries()) {
    const own = lines.get(id) ?? []
    let bytes = 0
    for (const [index, text] of own.entries()) {
      const [writer, number] = text.split(' ', 2).map(Number)
      pid ??= writer
      if (writer !== pid) return wrong.push(`${id}: pid ${writer} after ${pid}: it was started again`)
      if (text !== lineOf(writer, number)) return wrong.push(`${id}: torn: ${text.slice(0, 100)}`)
      const isNext = number === last + 1
      const isAgain = number <= last && index === 0
      if (!isNext && !isAgain) return wrong.push(`${id}: ${number} after ${last} in session ${session}`)
      if (isAgain && unmarked.has(id))
        return wrong.push(`${id}: ${number} again before the seam in session ${session}`)
      if (isAgain) bytes = repeated(own, last)
      last = number
      seen.lines += 1
    }
    seen.twice += bytes
    seen.mostTwice = Math.max(seen.mostTwice, bytes)
    if (bytes > TWICE_AT_MOST) wrong.push(`${id}: ${bytes} bytes were shown twice in session ${session}`)
  }
  if (last === 0) wrong.push(`${id}: nothing was shown`)
  return undefined
}

/** How many bytes of these lines had been shown before. */
function repeated(lines, last) {
  let bytes = 0
  for (const text of lines) {
    if (Number(text.split(' ', 2)[1]) > last) break
    bytes += Buffer.byteLength(text) + 1
  }
  return bytes
}

/** The log on disk holds what the process wrote, to the byte. */
function judgeLog(folder, id, wrong) {
  // A kill between the intent to start and the start leaves a run that never ran.
  const unborn = new Set(
    readEnds(folder).flatMap((end) => (end.exit.kind === 'unstarted' ? [String(end.run)] : [])),
  )
  const runs = readdirSync(folder).filter((name) => /^\d+$/.test(name) && !unborn.has(name))
  if (runs.length !== 1) return wrong.push(`${id} had ${runs.length} runs instead of 1`)
  const lines = readFileSync(join(folder, runs[0], 'log'), 'utf8').split('\n')
  const pid = lines[0]?.split(' ')[0]
  const bad = lines.slice(0, -1).findIndex((line, index) => line !== lineOf(pid, index + 1))
  if (bad >= 0) wrong.push(`${id}: line ${bad + 1} of the log is wrong: ${lines[bad]?.slice(0, 100)}`)
  const hasEnded = readEnds(folder).some(({ exit }) => exit.kind === 'code' && exit.code === 0)
  if (hasEnded && (lines.length - 1 !== BURST || lines.at(-1) !== ''))
    wrong.push(`${id}: ${lines.length - 1} lines in the log, and "${lines.at(-1)}" after them`)
  return undefined
}

function readEnds(folder) {
  const lines = readFileSync(join(folder, 'history'), 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line))
}

/** Every start has one end with its right code. */
function judgeEnds(folder, starts, wrong, seen) {
  const ends = readEnds(folder)
  const natural = ends.filter((end) => end.exit.kind === 'code' && end.exit.code === 7)
  const others = ends.filter((end) => !natural.includes(end) && !end.asked)
  seen.ends = ends.length
  if (others.length > 0) wrong.push(`wrong ends: ${others.map((end) => JSON.stringify(end)).join(' ')}`)
  if (new Set(ends.map(({ run }) => run)).size !== ends.length) wrong.push('an end was recorded twice')
  const begun = readFileSync(starts, 'utf8').split('\n').length - 1
  const ran = ends.filter((end) => end.exit.kind !== 'unstarted').length
  if (begun !== ran) wrong.push(`${begun} starts and ${ran} ends`)
}
