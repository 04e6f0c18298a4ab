// A session of processes that report their first act, and that is told by commands what to do.
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { reportingApp } from './app.js'
import { Arrivals } from './consumers.js'
import { nowMs, pipeOutput } from './output.js'
import { Session, sessionFolder } from './session.js'

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 30_000
const FIFO = 'first-act.fifo'

export class ControlledSession {
  arrivals = new Arrivals()
  #fifo
  #tool
  #samples
  #size

  /** Resolves when all processes are up, and the command that started them has returned if it is to. */
  static async start({ tool, size, context }) {
    const controlled = new ControlledSession()
    await controlled.#start(tool, size, context)
    return controlled
  }

  async #start(tool, size, { peers, samples }) {
    this.#tool = tool
    this.#samples = samples
    this.#size = size
    const dir = sessionFolder()
    this.#fifo = pipeOutput(dir, this.arrivals, FIFO)
    try {
      const app = reportingApp(size, join(dir, FIFO))
      /** What the tool's commands are made of. */
      this.options = { app, dir, peer: peers.get(tool.peer) }
      this.options.launch = await tool.control.launch(this.options)
      const told = {
        ...tool,
        stopSignal: tool.control.endedByForce ? undefined : tool.stopSignal,
        launch: () => this.options.launch,
      }
      this.session = new Session({ tool: told, app, dir, consumer: { take() {} }, peers })
      await this.arrive(size, START_TIMEOUT_MS)
      if (tool.control.detaches && !(await this.session.endsWithin(START_TIMEOUT_MS)))
        throw new Error('its start does not return')
      if (tool.control.detaches && this.session.exit.code !== 0) throw this.#ended()
    } catch (error) {
      await this.end()
      throw error
    }
  }

  #ended() {
    const { error, code, signal } = this.session.exit
    return error ?? new Error(`ended with ${signal ?? code}: ${this.session.lastWords()}`)
  }

  /** Waits for `count` first acts in all. Throws when they do not come. */
  async arrive(count, ms) {
    const all = this.arrivals.reach(count).then(() => true)
    const deadline = nowMs() + ms
    while (!(await Promise.race([all, sleep(100, false)]))) {
      const { exit } = this.session
      if (exit !== undefined && !(this.#tool.control.detaches && exit.code === 0)) throw this.#ended()
      if (nowMs() > deadline)
        throw new Error(`${this.arrivals.all.length} of ${count} began after ${ms / 1000} s`)
    }
  }

  /** Stops the tool; what is left is reported and ended. */
  async end() {
    try {
      if (this.session === undefined) return
      const { stop } = this.#tool.control
      if (stop === undefined) await this.session.stop()
      else await this.#runStop(stop(this.options))
      const left = await this.session.close()
      if (left.length > 0) {
        this.#samples.trouble(
          this.#tool.name,
          `left ${left.length} processes behind after commands to ${this.#size}: ${left[0].argv.join(' ').trim().slice(0, 80)}`,
        )
      }
    } finally {
      this.#fifo.started()
      this.#fifo.close()
    }
  }

  async #runStop(argv) {
    const { exited } = this.session.command(argv)
    const exit = await Promise.race([exited, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })])
    if (exit?.code === 0) return
    const why = exit === undefined ? 'did not return' : this.session.lastWords('command')
    this.#samples.trouble(this.#tool.name, `its stop failed: ${why}`)
  }
}
