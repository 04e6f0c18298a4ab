import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmdirSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import { decodeReply } from '../core/protocol.ts'
import type { Reply, Request } from '../core/protocol.ts'
import { bootNow, pause } from './clock.ts'
import { readFolder, removeIfThere } from './disk.ts'
import { readNow, writeNow } from './fifo.ts'
import { randomHex } from './random.ts'
import { takeSpare } from './spare-fifo.ts'
import { talkIn, unwritable } from './state-dir.ts'
import type { StateDir } from './state-dir.ts'
import { expecting } from './system-error.ts'
import { tempFolder } from './usual-places.ts'

/** How long the supervisor may take to answer, ms. It answers before it acts. */
const ANSWER_WITHIN_MS = 10_000
/** What is not begun so long before that is not done: it takes the supervisor a moment, ms, to do it. */
const TO_DO_IT_MS = 2_000
/** For so long, ms, it is looked again and again whether the answer is there, which mostly takes half of one. */
const AT_ONCE_MS = 20
const LOOK_AT_ONCE_MS = 0.1
/** How often it is looked later, ms, and whether there is still somebody who may answer. */
const LOOK_LATER_MS = 10
const NEWLINE = 10
const OTHER_VERSION = 'it may be of another version: `tw-run ps` shows what runs, and `tw-run stop` ends it'

/** Rung: whoever reads it hears it. Full: not now. Dead: nobody reads it. */
type Bell = 'rung' | 'full' | 'dead'

/** The descriptors of a client. */
interface Line {
  /** By which all clients say that they are there. */
  readonly bell: number
  /** What it says by it. */
  readonly call: string
  readonly question: number
  readonly answer: number
}

/**
 * Sends a command to the supervisor; undefined if none listens, `hung-up` if it went without an answer, so
 * that nobody knows whether it happened. Errors: TwRunError 1 if it does not answer
 * in time, such as one that was stopped.
 */
export async function sendCommand(state: StateDir, request: Request): Promise<Reply | 'hung-up' | undefined> {
  const giveUpAt = bootNow() + ANSWER_WITHIN_MS
  const message = `${JSON.stringify({ ...request, until: giveUpAt - TO_DO_IT_MS })}\n`
  const answer = await ask(state, Buffer.from(message), giveUpAt)
  if (answer === undefined) return undefined
  const reply = decodeReply(answer)
  if (reply !== undefined) return reply
  // It died with the question in its hands, or is turning clients away.
  if (answer === '') return 'hung-up'
  if (!answer.endsWith('\n')) throw cutOff(answer)
  throw new TwRunError(`the supervisor gave an answer that is none`, { exitCode: 1, hint: OTHER_VERSION })
}

/** What has begun to be answered was decided before. */
function cutOff(answer: string): TwRunError {
  const what = answer.startsWith('{"ok":true') ? 'it was done' : 'it was refused'
  return new TwRunError(`${what}, but the supervisor was gone before it had said all of that`, {
    exitCode: 1,
    hint: 'what runs now is shown by: tw-run ps',
  })
}

/** What the supervisor said until the end of a line, or until it hung up; undefined where there is none. */
async function ask(state: StateDir, message: Buffer, giveUpAt: number): Promise<string | undefined> {
  const bell = openIfRead(state.commands)
  if (bell === undefined) return undefined
  const token = randomHex(8)
  const open = [bell]
  const opened = (path: string, way: number): number => {
    const fd = openSync(path, way | constants.O_NONBLOCK)
    open.push(fd)
    return fd
  }
  let folder = state.path
  try {
    folder = await makeFifos(state, token)
    const { question, answer } = talkIn(folder, token)
    const line = {
      bell,
      call: folder === state.path ? token : `${token} ${folder}`,
      answer: opened(answer, constants.O_RDONLY),
      question: opened(question, constants.O_RDWR),
    }
    return await talk(line, message, giveUpAt)
  } finally {
    for (const fd of open) closeSync(fd)
    clear(state, folder, token)
  }
}

async function talk(line: Line, message: Buffer, giveUpAt: number): Promise<string | undefined> {
  const atOnceUntil = bootNow() + AT_ONCE_MS
  let bell: Bell = 'full'
  let isHeard = false
  let isAnswered = false
  let unsaid = message
  let said = Buffer.alloc(0)
  for (;;) {
    const isAtOnce = bootNow() < atOnceUntil
    unsaid = writeNow(line.question, unsaid)
    if (!isHeard || !isAtOnce) bell = ring(line.bell, isHeard ? '' : line.call)
    if (bell === 'dead' && !isHeard) return undefined
    isHeard ||= bell === 'rung'
    const more = readNow(line.answer)
    // Before the supervisor has opened it, it is at its end, too.
    const isHungUp = bell === 'dead' || (isAnswered && more?.length === 0)
    isAnswered ||= more?.length !== 0
    if (more !== undefined) said = Buffer.concat([said, more])
    if (isHungUp || said.at(-1) === NEWLINE) return said.toString()
    if (bootNow() > giveUpAt) throw silent()
    if (isAtOnce) pause(LOOK_AT_ONCE_MS)
    else await sleep(LOOK_LATER_MS)
  }
}

/**
 * Makes the FIFOs of a client: from what is kept ready, which is nearly always enough, since to begin what makes them takes
 * as long as the rest. Where nothing can be written to the state directory, in a folder of its own; which one. Errors:
 * TwRunError, neither can be.
 */
async function makeFifos(state: StateDir, token: string): Promise<string> {
  try {
    const { question, answer } = talkIn(state.path, token)
    const names = readFolder(state.spares)
    await make([question, answer].filter((path) => !takeSpare(state.spares, names, path)))
    return state.path
  } catch (error) {
    try {
      const folder = mkdtempSync(`${tempFolder()}/tw-run-`)
      await make(Object.values(talkIn(folder, token)))
      return folder
    } catch {
      throw error instanceof TwRunError ? error : unwritable(state.path, error)
    }
  }
}

async function make(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  const { makeLifelines } = await import('./lifeline.ts')
  makeLifelines(paths)
}

/** The supervisor removes them, too. */
function clear(state: StateDir, folder: string, token: string): void {
  try {
    for (const path of Object.values(talkIn(folder, token))) removeIfThere(path)
    if (folder !== state.path) rmdirSync(folder)
  } catch {
    // What was said counts. The next supervisor finds what is left.
  }
}

/** Undefined where nobody reads it, or something else is in its place. */
function openIfRead(path: string): number | undefined {
  const fd = expecting<number | undefined>({ ENXIO: undefined, ENOENT: undefined, EISDIR: undefined }, () =>
    openSync(path, constants.O_WRONLY | constants.O_NONBLOCK),
  )
  if (fd === undefined || fstatSync(fd).isFIFO()) return fd
  closeSync(fd)
  return undefined
}

/** Says that there is a client; with an empty call, only finds out whether anybody would hear. */
function ring(bell: number, call: string): Bell {
  return expecting<Bell>({ EAGAIN: 'full', EPIPE: 'dead' }, () => {
    // As one piece, since it is short. What a stranger began to write is no part of it.
    writeSync(bell, `\n${call}\n`)
    return 'rung'
  })
}

function silent(): TwRunError {
  return new TwRunError('the supervisor does not answer: nothing was changed', {
    exitCode: 1,
    hint: 'it may be stopped: `tw-run ps --verbose` shows its pid; wake it with kill -CONT, or end it with kill -9',
  })
}
