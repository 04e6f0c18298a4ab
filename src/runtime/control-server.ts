import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { Socket } from 'node:net'
import { LONGEST_CALL } from '../core/protocol.ts'
import { answerTo } from './control-answer.ts'
import type { Handle } from './control-answer.ts'
import { ControlTalk } from './control-talk.ts'
import type { AnswerTo } from './control-talk.ts'
import { readFolder, removeIfThere } from './disk.ts'
import { SpareFifos } from './spare-fifos.ts'
import { TALK, talkIn } from './state-dir.ts'
import type { StateDir, Talk } from './state-dir.ts'
import { failedWith } from './system-error.ts'

/** When clients are slower than that, ms, or say or read more than a FIFO holds. */
const LOOK_EVERY_MS = 10
/** When there are more of these, the one that has been silent longest is not waited for, or if none is, slow longest. */
const MOST_TALKS = 64
/** A token, and where the client cannot write to the state directory, the folder of its FIFOs. */
const CALL = /^([0-9a-f]{16})(?: (\/.*))?$/

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
    bell.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n')
      // Strangers may write more.
      rest = (lines.pop() ?? '').slice(-LONGEST_CALL)
      for (const line of lines) {
        const [, token, folder = this.#state.path] = CALL.exec(line) ?? []
        if (token !== undefined) this.#talk(talkIn(folder, token), answer)
      }
    })
    bell.on('error', () => bell.destroy())
    // The supervisor lives as long as it has work.
    this.#bell = bell.unref()
  }

  /** Listens again where its FIFO is gone, or something else is in its place. Errors: as the constructor. */
  look(): void {
    if (this.#handle === undefined || isSameFile(this.#fd, this.#state.commands)) return
    this.#bell?.destroy()
    this.#fd = this.#open()
    this.listen(this.#handle)
  }

  close(): void {
    this.#bell?.destroy()
    removeQuietly(this.#state.commands)
    this.#sweep()
  }

  /** A new one: who wrote to that of a dead supervisor has given up, or was killed and left its own. */
  #open(): number {
    const { commands } = this.#state
    removeIfThere(commands)
    this.#sweep()
    this.#spares.provide([commands])
    // For writing, too, or it would be at its end whenever no client has it open.
    return openSync(commands, constants.O_RDWR | constants.O_NONBLOCK)
  }

  /** Removes what killed clients left. */
  #sweep(): void {
    const { path } = this.#state
    for (const name of readFolder(path)) if (TALK.test(name)) removeQuietly(`${path}/${name}`)
  }

  #talk(fifos: Talk, answer: AnswerTo): void {
    const talk = openTalk(fifos, answer)
    for (const path of [fifos.question, fifos.answer]) removeQuietly(path)
    if (talk !== undefined) this.#goOn(talk)
    if (this.#talks.size > MOST_TALKS) {
      const all = [...this.#talks]
      const longest = all.find(({ isSilent }) => isSilent) ?? all[0]
      if (longest !== undefined) this.#end(longest)
    }
    this.#spares.refill()
  }

  #goOn(talk: ControlTalk): void {
    if (!goesOn(talk)) {
      this.#end(talk)
      return
    }
    this.#talks.add(talk)
    this.#timer ??= setInterval(() => {
      for (const one of this.#talks) this.#goOn(one)
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

/** One that fails, such as for something else in the place of its FIFO, has ended, and nothing else has. */
function goesOn(talk: ControlTalk): boolean {
  try {
    return talk.goesOn()
  } catch {
    return false
  }
}

/** Undefined where the client has gone: what nobody waits for is not done. Or where no descriptor is left. */
function openTalk({ question, answer }: Talk, answerTo: AnswerTo): ControlTalk | undefined {
  const out = openIfThere(answer, constants.O_WRONLY)
  if (out === undefined) return undefined
  const into = openIfThere(question, constants.O_RDONLY)
  if (into !== undefined) return new ControlTalk(into, out, answerTo)
  closeSync(out)
  return undefined
}

/** Whether a descriptor is what has this name now; a name that cannot be looked at may be its. */
function isSameFile(fd: number, path: string): boolean {
  try {
    const [ours, now] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })]
    return now?.ino === ours.ino && now.dev === ours.dev
  } catch (error) {
    return !failedWith(error, 'EBADF')
  }
}

/** In a directory that became read-only, say: the client removes it, too, or the next supervisor. */
function removeQuietly(path: string): void {
  try {
    removeIfThere(path)
  } catch {
    // Nobody finds anything there that is not gone.
  }
}

function openIfThere(path: string, way: number): number | undefined {
  try {
    return openSync(path, way | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}
