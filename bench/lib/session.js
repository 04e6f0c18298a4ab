// One run of one tool on one app: start it, look at its processes, stop it, and leave nothing behind.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { logOutput, nowMs, pipeOutput } from './output.js'
import { carriesMark, processesMarked, signal } from './proc.js'

const RUN = randomBytes(6).toString('hex')
const STOP_TIMEOUT_MS = 20_000
/** Bytes. */
const LARGE = 1024 * 1024
const open = new Set()
let count = 0

/** A folder for one session, below one folder for the whole run. */
let root
export function sessionFolder() {
  root ??= mkdtempSync(join(tmpdir(), 'tw-run-bench-'))
  count += 1
  const dir = join(root, String(count))
  mkdirSync(dir)
  return dir
}

/**
 * Gives back the room of large files. The folder itself goes when all is over: for some seconds ext4 passes over each
 * inode that was just removed, and whoever creates files in the next session pays up to 0.7 ms for each.
 */
function emptyLarge(dir) {
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if (statSync(path).size > LARGE) truncateSync(path)
  }
}

/**
 * The user's environment without what would change a tool's behaviour, and without more certificates, which Node reads
 * at every start: 30 ms of each Node program that there is nothing to learn from.
 */
function environment(dir, mark, extra) {
  const env = { ...process.env }
  for (const name of Object.keys(env)) {
    if (
      /^(npm_|TW_RUN_|PM2_)|^(NODE_OPTIONS|NODE_EXTRA_CA_CERTS|FORCE_COLOR|CLICOLOR_FORCE|PORT|INIT_CWD)$/i.test(
        name,
      )
    )
      delete env[name]
  }
  // A home of its own keeps tools from the user's settings and from leaving files there; a cache lasts, as a user's does.
  return {
    ...env,
    HOME: dir,
    XDG_CACHE_HOME: join(dirname(dir), 'cache'),
    NO_COLOR: '1',
    BENCH_MARK: mark,
    ...extra,
  }
}

export class Session {
  #child
  #output
  #mark
  #env
  #exited
  /** When the tool was about to be executed, in ms. */
  beganAt
  exit

  /**
   * `consumer` takes the output; `dir` is the session's folder, where the app's reports may already point.
   * `output(dir, consumer)`: where stdout goes, instead of a pipe that is read at once; see output.js.
   */
  constructor({ tool, app, dir, consumer, peers, output = pipeOutput }) {
    this.tool = tool
    this.app = app
    this.dir = dir
    this.#mark = `${RUN}.${basename(dir)}.`
    const launch = tool.launch({ app, dir, peer: peers.get(tool.peer) })
    this.#env = environment(dir, this.#mark, launch.env)
    this.#output = launch.logs === undefined ? output(dir, consumer) : logOutput(launch.logs, consumer)
    const errors = openSync(join(dir, 'stderr'), 'w')
    const [file, ...args] = launch.argv
    open.add(this)
    this.beganAt = nowMs()
    try {
      this.#child = spawn(file, args, {
        cwd: dir,
        env: this.#env,
        detached: true,
        stdio: [tool.quitKey === undefined ? 'ignore' : 'pipe', this.#output.descriptor, errors],
      })
    } catch (error) {
      this.#output.started()
      this.#output.close()
      throw error
    } finally {
      closeSync(errors)
    }
    this.#child.stdin?.on('error', () => {})
    this.#exited = new Promise((resolve) => {
      const done = (exit) => {
        this.exit = { ...exit, at: nowMs() }
        resolve()
      }
      this.#child.once('error', (error) => done({ error }))
      this.#child.once('exit', (code, name) => done({ code, signal: name }))
    })
    this.#output.started()
  }

  /**
   * Runs a command beside the tool, as from another terminal: { beganAt, exited }, a promise of { code, signal,
   * error, at }. What it says is in the file `command`.
   */
  command([file, ...args]) {
    const said = openSync(join(this.dir, 'command'), 'w')
    const beganAt = nowMs()
    const child = spawn(file, args, { cwd: this.dir, env: this.#env, stdio: ['ignore', said, said] })
    closeSync(said)
    const exited = new Promise((resolve) => {
      child.once('error', (error) => resolve({ error, at: nowMs() }))
      child.once('exit', (code, name) => resolve({ code, signal: name, at: nowMs() }))
    })
    return { beganAt, exited }
  }

  /** Every live process of this session: role 'app', 'wrapper' (ours, such as the terminal) or 'manager'. */
  processes() {
    return processesMarked(`BENCH_MARK=${this.#mark}`).map((process_) => ({
      ...process_,
      role: this.app.isAppProcess(process_.argv)
        ? 'app'
        : basename(process_.argv[0]) === this.tool.wrapper
          ? 'wrapper'
          : 'manager',
    }))
  }

  /** Whether a live process of this pid carries the session's mark. */
  has(pid) {
    return carriesMark(pid, `BENCH_MARK=${this.#mark}`)
  }

  /** Pids of the manager and its helpers. */
  managerPids() {
    return this.processes()
      .filter(({ role }) => role === 'manager')
      .map(({ pid }) => pid)
  }

  /** True when it ended by itself within `ms`. */
  async endsWithin(ms) {
    await Promise.race([this.#exited, sleep(ms, undefined, { ref: false })])
    return this.exit !== undefined
  }

  /** Asks the tool to stop. Returns the ms until it had exited, or undefined when it did not. */
  async stop() {
    const { pid } = this.#child
    const { stopSignal, stopsAsGroup, quitKey } = this.tool
    if (this.exit !== undefined || pid === undefined || (stopSignal ?? quitKey) === undefined)
      return undefined
    const began = nowMs()
    if (quitKey !== undefined) this.#child.stdin.write(quitKey)
    // Most are told alone: ending the others is their work. Some rely on the terminal to tell the whole group,
    // which is one of its own here since the tool is started detached.
    else if (stopsAsGroup) process.kill(-pid, stopSignal)
    else signal(pid, stopSignal)
    return (await this.endsWithin(STOP_TIMEOUT_MS)) ? this.exit.at - began : undefined
  }

  /** Ends whatever is left, by pid, and removes the folder. Returns what had survived for two seconds. */
  async close() {
    let left = this.processes()
    if (this.exit !== undefined) {
      for (let tries = 0; left.length > 0 && tries < 40; tries += 1) {
        await sleep(50)
        left = this.processes()
      }
    }
    const survivors = this.exit === undefined ? [] : left
    this.kill()
    if (!(await this.endsWithin(5_000)))
      throw new Error(`${this.tool.name} (pid ${this.#child.pid}) cannot be ended`)
    this.#output.close()
    open.delete(this)
    emptyLarge(this.dir)
    return survivors
  }

  /** SIGKILL to everything that carries this session's mark, until there is none. */
  kill() {
    for (let tries = 0; tries < 50; tries += 1) {
      const left = this.processes()
      if (left.length === 0) return
      for (const { pid } of left) signal(pid, 'SIGKILL')
    }
  }

  /** What the tool, or the last command, said in a line: its last error, else its last line. */
  lastWords(file = 'stderr') {
    const lines = readFileSync(join(this.dir, file), 'utf8').trim().split('\n')
    const said = lines.findLast((line) => /^\S*error/i.test(line.trim())) ?? lines.at(-1)
    return said.trim().slice(0, 160)
  }
}

/** For the end of the harness, also by Ctrl-C: nothing may stay. */
export function endAllSessions() {
  for (const session of open) session.kill()
  if (root !== undefined) rmSync(root, { recursive: true, force: true, maxRetries: 3 })
}
