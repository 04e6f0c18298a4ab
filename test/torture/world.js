// The app of the history test as it is seen from outside tw-run: files, /proc, and the commands of tw-run.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../dist/cli/tw-run.cjs', import.meta.url))
const HOLDER = fileURLToPath(new URL('./slot-holder.sh', import.meta.url))
export const TYPES = ['web', 'worker', 'clock']
export const GRACE_S = 1

/** Seconds since boot, by the same clock as the journals. */
export function uptime() {
  return Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0])
}

export class World {
  constructor({ port, policy }) {
    this.folder = mkdtempSync(join(tmpdir(), 'tw-history-'))
    this.root = join(this.folder, 'app')
    this.stateDir = join(this.folder, 'state')
    this.mark = `TW_HISTORY_MARK=${randomUUID()}`
    this.port = port
    this.policy = policy
    for (const name of ['app', 'journal', 'locks', 'tmp']) mkdirSync(join(this.folder, name))
    this.edits = Object.fromEntries(TYPES.map((type) => [type, 1]))
    this.writeProcfile()
  }

  get #env() {
    const [name, value] = this.mark.split('=')
    return {
      PATH: process.env.PATH,
      HOME: this.folder,
      TW_RUN_STATE_DIR: this.stateDir,
      TW_HISTORY: this.folder,
      TMPDIR: join(this.folder, 'tmp'),
      [name]: value,
    }
  }

  log(text) {
    appendFileSync(join(this.folder, 'ops.log'), `${uptime()} ${text}\n`)
  }

  writeProcfile() {
    const lines = TYPES.map((type) => `${type}: sh ${HOLDER} ${this.edits[type]}\n`)
    writeFileSync(join(this.root, 'Procfile'), lines.join(''))
  }

  /** Starts a command of tw-run. `ended` is how it ended: code or signal, and what it said. */
  run(args) {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: this.root,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const said = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (chunk) => (said.stdout += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk) => (said.stderr += chunk))
    const ended = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code, signal) => {
        // A supervisor that it started may have its pipes for a moment longer.
        setImmediate(() => resolve({ code: code ?? signal, ...said }))
      })
    })
    return { child, ended }
  }

  /** The foreground: `start` in a process of its own, its output in a file. */
  spawnStart(args) {
    const log = openSync(join(this.folder, 'start.log'), 'a')
    const child = spawn(process.execPath, [BIN, 'start', ...args], {
      cwd: this.root,
      env: this.#env,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    const run = { child, result: undefined }
    run.ended = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code, signal) => resolve((run.result = code ?? signal)))
    })
    return run
  }

  startArguments(counts) {
    const options = ['-p', String(this.port), '-t', String(GRACE_S), '--restart', this.policy]
    if (counts === undefined) return options
    return [...options, '--formation', TYPES.map((type) => `${type}=${counts[type]}`).join(',')]
  }

  #stateFile(name) {
    try {
      const [state] = readdirSync(this.stateDir)
      return readFileSync(join(this.stateDir, state, name), 'utf8')
    } catch {
      // Nothing was started yet.
      return ''
    }
  }

  /** The one who holds tw-run's lock, if it lives. */
  supervisor() {
    const pid = Number(this.#stateFile('lock'))
    return pid > 0 && this.#owns(pid) && lives(pid) ? pid : undefined
  }

  /** Whether a session is on disk that is not over. */
  isUnderWay() {
    return /"over":false/.test(this.#stateFile('formation.json'))
  }

  #owns(pid, ...texts) {
    const text = procFile(pid, 'environ')
    // Most are not: this is asked of every process of the machine.
    if (!text.includes(this.mark)) return false
    const environment = text.split('\0')
    return [this.mark, ...texts].every((one) => environment.includes(one))
  }

  /** Everything alive that began in this world; what the test itself waits for excepted. */
  everything() {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && this.#owns(name))
      .map((name) => ({ pid: Number(name), command: procFile(name, 'cmdline').replaceAll('\0', ' ').trim() }))
      .filter(({ command }) => command !== '')
  }

  /** The slots that live, each with the tokens that hold it. */
  living() {
    const slots = new Map()
    for (const { pid, command } of this.everything()) {
      if (!command.includes(HOLDER)) continue
      const environment = procFile(pid, 'environ').split('\0')
      const valueOf = (key) => environment.find((one) => one.startsWith(`${key}=`))?.slice(key.length + 1)
      const [slot, token] = [valueOf('PS'), valueOf('TW_RUN_INSTANCE')]
      // The shim carries the same words as its command.
      if (slot === undefined || procFile(pid, 'cmdline').includes('tw-run:')) continue
      slots.set(slot, (slots.get(slot) ?? new Set()).add(token))
    }
    return slots
  }

  /** kill -9 of a process of a run, if it still is that. */
  kill(pid, token) {
    const isIt = this.#owns(pid, ...(token === undefined ? [] : [`TW_RUN_INSTANCE=${token}`]))
    if (!isIt) return false
    try {
      process.kill(pid, 'SIGKILL')
      return true
    } catch {
      // It ended in this moment.
      return false
    }
  }

  /** What each holder wrote. */
  journals() {
    return readdirSync(join(this.folder, 'journal')).map((name) => this.journal(...name.split('-')))
  }

  /** What one holder wrote: its lines as { what, at, rest }, and what the first one says. */
  journal(slot, token) {
    const path = join(this.folder, 'journal', `${slot}-${token}`)
    // It may have written nothing yet.
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    const lines = text
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const [what, at, ...rest] = line.split(' ')
        return { what, at: Number(at), rest }
      })
    const start = lines.find(({ what }) => what === 'start')
    return { slot, token, lines, at: start?.at, ...(start === undefined ? {} : startOf(start.rest)) }
  }

  /** What the holders found that must not be, as sentences. */
  violations() {
    const path = join(this.folder, 'violations')
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []
  }

  /** The history of every slot, as tw-run wrote it. */
  histories() {
    const [state] = readdirSync(this.stateDir)
    const processes = join(this.stateDir, state, 'processes')
    return new Map(
      readdirSync(processes).map((slot) => {
        const lines = readFileSync(join(processes, slot, 'history'), 'utf8')
          .split('\n')
          .filter(Boolean)
        return [slot, lines.map((line) => JSON.parse(line))]
      }),
    )
  }

  /** Ends everything that is left, whatever it is. */
  async clear() {
    for (let left = this.everything(); left.length > 0; left = this.everything()) {
      for (const { pid } of left) this.kill(pid)
      await sleep(20)
    }
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function startOf([pid, shim, edit, kind, code, log]) {
  const run = Number(/\/(\d+)\/log$/.exec(log ?? '')?.[1])
  return { pid: Number(pid), shim: Number(shim), edit: Number(edit), kind, code: Number(code), run }
}

function procFile(pid, name) {
  try {
    // Node reads UTF-8 by one call, which takes a third of any other.
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    // It ended, or is not ours to see.
    return ''
  }
}

function lives(pid) {
  const stat = procFile(pid, 'stat')
  return stat !== '' && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
}
