// The tw-run of the soak: processes that are killed and restarted in a seeded order, beside writers that are not.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BIN, twRunCli, twRunWith } from '../tools/tw-run.js'
import { idleApp, MARKER } from './app.js'
import { Keep } from './consumers.js'
import { checkLines } from './line-check.js'
import { nowMs } from './output.js'
import { LINE_BYTES } from './payload.js'
import { signal } from './proc.js'
import { Session, sessionFolder } from './session.js'

export const WRITERS = 4
/** So many that, in five minutes, each is killed about once a minute: the time after which a crash is forgotten. */
const IDLE = 100
const UP_MS = 60_000
const WRITER = join(import.meta.dirname, '..', 'programs', 'soak-writer.js')
const HEAP_TELLER = join(import.meta.dirname, '..', 'programs', 'heap-teller.cjs')
const UP = new RegExp(`\\b(p\\.\\d+) (\\d+) ${MARKER}$`)

/** 0 up to 1, always the same for a seed: a linear congruence in 32 bits, mixed. */
function seeded(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0
    return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32
  }
}

function shuffled(values, random) {
  const all = [...values]
  for (let i = all.length - 1; i > 0; i -= 1) {
    const other = Math.floor(random() * (i + 1))
    ;[all[i], all[other]] = [all[other], all[i]]
  }
  return all
}

const heapFile = (dir) => join(dir, 'heap')

function tellingItsHeap(tool) {
  return {
    ...tool,
    launch(options) {
      const { argv, env } = tool.launch(options)
      const [node, ...rest] = argv
      return {
        argv: [node, '--require', HEAP_TELLER, ...rest],
        env: { ...env, BENCH_HEAP: heapFile(options.dir) },
      }
    },
  }
}

/** Keeps every byte for the check at the end, and tells of each process that came up. */
class Output extends Keep {
  #unfinished = ''
  #onUp

  constructor(capacity, onUp) {
    super(capacity)
    this.#onUp = onUp
  }

  take(bytes, time) {
    super.take(bytes, time)
    const lines = (this.#unfinished + bytes.toString('latin1')).split('\n')
    this.#unfinished = lines.pop()
    for (const line of lines) {
      const found = line.endsWith(MARKER) ? UP.exec(line) : null
      if (found !== null) this.#onUp(found[1], Number(found[2]))
    }
  }
}

export class Soaked {
  session
  pid
  state
  restarts = 0
  kills = 0
  begun = 0
  faults = []
  #options
  #output
  #go
  #up = new Map()
  #away = new Map()

  /** Resolves when all processes are up. */
  static async start(options) {
    const soaked = new Soaked()
    await soaked.#start(options)
    return soaked
  }

  async #start(options) {
    const dir = sessionFolder()
    this.#options = options
    this.#go = join(dir, 'go')
    this.state = join(dir, 'state')
    mkdirSync(this.state)
    const writers = Array.from({ length: WRITERS }, (_, i) => {
      const command = `exec ${process.execPath} ${WRITER} ${i} ${options.perWriter} ${dir} ${options.ms}`
      return {
        name: `w${i}`,
        command: `while ! [ -e ${this.#go} ]; do sleep 0.1; done; ${command}`,
        count: 1,
      }
    })
    const [idle] = idleApp(IDLE).entries
    const entries = [{ ...idle, command: idle.command.replace('echo ', () => 'echo $PS $$ ') }, ...writers]
    this.#output = new Output(options.perWriter * WRITERS * LINE_BYTES * 1.5 + 64e6, (name, pid) =>
      this.#isUp(name, pid),
    )
    const app = { entries, isAppProcess: (argv) => argv[0] === 'sleep' || argv[1] === WRITER }
    const tool = tellingItsHeap(twRunWith('tw-run', ['--restart', 'always']))
    this.session = new Session({ tool, app, dir, consumer: this.#output, peers: new Map() })
    await this.#until(() => this.#up.size === IDLE, UP_MS, 'all processes up')
    const ours = this.session.processes().filter(({ argv }) => argv[argv.indexOf(BIN) + 1] === 'start')
    if (ours.length !== 1) throw new Error(`${ours.length} supervisors in place of one`)
    this.pid = ours[0].pid
  }

  async #until(condition, ms, what) {
    const deadline = nowMs() + ms
    while (!condition()) {
      this.requireAlive()
      if (nowMs() > deadline) throw new Error(`not within ${ms / 1_000} s: ${what}`)
      await sleep(20)
    }
  }

  /** Throws how tw-run ended, if it has. */
  requireAlive() {
    const { exit } = this.session
    if (exit === undefined) return
    throw new Error(`tw-run ended (${exit.signal ?? exit.code}): ${this.session.lastWords()}`)
  }

  #isUp(name, pid) {
    this.begun += 1
    this.#up.set(name, pid)
    const before = this.#away.get(name)
    if (before === undefined && this.begun <= IDLE) return
    if (before === undefined || before === pid) this.faults.push(`${name} began once too often (pid ${pid})`)
    this.#away.delete(name)
    this.restarts += 1
  }

  /** What V8's heap of tw-run holds, MB. */
  get heapMb() {
    return Number(readFileSync(heapFile(this.session.dir), 'utf8')) / 1e6
  }

  get lines() {
    return this.#output.lines()
  }

  /** Lets the writers write. */
  begin() {
    writeFileSync(this.#go, '')
  }

  /** All the kills and restarts, evenly over the time. Each process in turn, in another order each turn. */
  async disturb() {
    const { seed, ms, restarts } = this.#options
    const random = seeded(seed)
    const began = nowMs()
    const commands = []
    let turn = []
    for (let i = 0; i < restarts; i += 1) {
      await sleep(Math.max(0, ((i + 0.5) * ms) / restarts - (nowMs() - began)))
      if (turn.length === 0) turn = shuffled(this.#up.keys(), random)
      const at = Math.max(
        0,
        turn.findIndex((name) => !this.#away.has(name)),
      )
      const [name] = turn.splice(at, 1)
      const isKill = random() < 0.5
      await this.#until(() => !this.#away.has(name), UP_MS + 30_000, `${name} up again`)
      this.#away.set(name, this.#up.get(name))
      if (isKill) this.#kill(name)
      else commands.push(this.#restart(name))
    }
    await Promise.all(commands)
  }

  #kill(name) {
    const pid = this.#up.get(name)
    if (!this.session.has(pid))
      return void this.faults.push(`${name} (pid ${pid}) was gone before it was killed`)
    this.kills += 1
    signal(pid, 'SIGKILL')
  }

  async #restart(name) {
    const { exited } = this.session.command(twRunCli('restart', name, '-d', this.session.dir))
    const { code, error } = await exited
    if (code !== 0)
      this.faults.push(`tw-run restart ${name}: ${error?.message ?? this.session.lastWords('command')}`)
  }

  /** Resolves when nobody is away any more and the writers have written all. */
  async allBack(ms) {
    const reports = Array.from({ length: WRITERS }, (_, i) => join(this.session.dir, `report-${i}.json`))
    try {
      await this.#until(() => reports.every((path) => existsSync(path)), ms, 'all lines written')
      await this.#until(() => this.#away.size === 0, ms, 'all processes up again')
    } catch (error) {
      this.faults.push(`${error.message} (${[...this.#away.keys()].join(', ')})`)
    }
  }

  /** Stops it: { check: what became of the lines, survivors }. */
  async end() {
    if ((await this.session.stop()) === undefined) this.faults.push('tw-run did not end when it was asked to')
    const deadline = nowMs() + 5_000
    while (!this.#output.ended && nowMs() < deadline) await sleep(20)
    const check = checkLines(this.#output.bytes, this.#output.length, WRITERS, this.#options.perWriter)
    return { check, survivors: await this.session.close() }
  }
}
