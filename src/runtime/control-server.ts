import { closeSync, constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { isToken } from '../core/records.ts'
import { answerTo } from './control-answer.ts'
import type { Handle } from './control-answer.ts'
import { ControlTalk } from './control-talk.ts'
import type { AnswerTo } from './control-talk.ts'
import { isGone, readFolder, removeIfThere } from './disk.ts'
import { SpareFifos } from './spare-fifos.ts'
import { TALK, talkOf } from './state-dir.ts'
import type { StateDir, Talk } from './state-dir.ts'

/** When clients are slower than that, ms, or say or read more than a FIFO holds. */
const LOOK_EVERY_MS = 10
/** When there are more of these, the one that has been slow longest is not waited for. */
const MOST_TALKS = 64
/** Strangers may write more than a token to a line. */
const LONGEST_REST = 16

/**
 * Listens for commands, without what Node has for sockets: a client would load that for longer than its command takes. A
 * client makes two FIFOs of its own, with its question in one, and writes their token to the one that all know.
 * Make one only while holding the lock of the state directory. Errors: as makeLifelines, and those of open(2).
 */
export class ControlServer {
  readonly #state: StateDir
  readonly #spares: SpareFifos
  /** In the order in which they began. */
  readonly #talks = new Set<ControlTalk>()
  #timer: NodeJS.Timeout | undefined
  #fd: number
  #bell: Socket | undefined
  #handle: Handle | undefined

  constructor(state: StateDir) {
    this.#state = state
    this.#spares = new SpareFifos(state.spares)
    this.#fd = this.#open()
  }

  /** Carries out commands from now on. `handle` may throw; the client is told. */
  listen(handle: Handle): void {
    this.#handle = handle
    const answer: AnswerTo = (line) => answerTo(line, handle)
    let rest = ''
    const bell = new Socket({ fd: this.#fd, readable: true, writable: false })
    bell.setEncoding('latin1').on('data', (chunk: string) => {
      const tokens = `${rest}${chunk}`.split('\n')
      rest = (tokens.pop() ?? '').slice(-LONGEST_REST)
      for (const token of tokens) if (isToken(token)) this.#talk(token, answer)
    })
    bell.on('error', () => bell.destroy())
    // The supervisor lives as long as it has work.
    this.#bell = bell.unref()
  }

  /** Listens again where its FIFO is gone. Errors: as the constructor. */
  look(): void {
    if (this.#handle === undefined || !isGone(this.#state.commands)) return
    this.#bell?.destroy()
    this.#fd = this.#open()
    this.listen(this.#handle)
  }

  close(): void {
    this.#bell?.destroy()
    try {
      removeIfThere(this.#state.commands)
    } catch {
      // Nobody reads it, which is all that a client has to find out.
    }
  }

  /** A new one: who wrote to that of a dead supervisor has given up, or was killed and left its own. */
  #open(): number {
    const { commands, path } = this.#state
    removeIfThere(commands)
    for (const name of readFolder(path)) if (TALK.test(name)) removeIfThere(`${path}/${name}`)
    this.#spares.provide([commands])
    // For writing, too, or it would be at its end whenever no client has it open.
    return openSync(commands, constants.O_RDWR | constants.O_NONBLOCK)
  }

  #talk(token: string, answer: AnswerTo): void {
    const paths = talkOf(this.#state, token)
    const talk = openTalk(paths)
    for (const path of [paths.question, paths.answer]) removeIfThere(path)
    if (talk !== undefined) this.#goOn(talk, answer)
    const [longest] = this.#talks
    if (longest !== undefined && this.#talks.size > MOST_TALKS) this.#end(longest)
    this.#spares.refill()
  }

  #goOn(talk: ControlTalk, answer: AnswerTo): void {
    if (talk.isOver(answer)) {
      this.#end(talk)
      return
    }
    this.#talks.add(talk)
    this.#timer ??= setInterval(() => {
      for (const one of this.#talks) this.#goOn(one, answer)
    }, LOOK_EVERY_MS).unref()
  }

  #end(talk: ControlTalk): void {
    talk.close()
    this.#talks.delete(talk)
    if (this.#talks.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** Undefined where the client has gone: what nobody waits for is not done. Or where no descriptor is left. */
function openTalk({ question, answer }: Talk): ControlTalk | undefined {
  const out = openIfThere(answer, constants.O_WRONLY)
  if (out === undefined) return undefined
  const into = openIfThere(question, constants.O_RDONLY)
  if (into !== undefined) return new ControlTalk(into, out)
  closeSync(out)
  return undefined
}

function openIfThere(path: string, way: number): number | undefined {
  try {
    return openSync(path, way | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}
