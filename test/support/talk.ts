import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, readSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomHex } from '../../src/runtime/random.ts'
import { stateDirAt, talkIn } from '../../src/runtime/state-dir.ts'
import { expecting } from '../../src/runtime/system-error.ts'
import type { LiveApp } from './live.ts'

const LOOK_EVERY_MS = 2

/** A client of a supervisor, by hand. */
export interface Talk {
  /** Says more. Resolves when all of it has been written, or nobody listens any more. */
  say(part: string | Buffer): Promise<void>
  /** Says no more: its end is closed. */
  hush(): void
  /** Does not listen any more. */
  leave(): void
  /** What the supervisor said until it hung up. */
  readonly ended: Promise<string>
}

/** Talks to the supervisor of an app, so many at once. */
export function talks(app: LiveApp, count: number): Talk[] {
  const state = stateDirAt(app.state())
  const tokens = Array.from({ length: count }, () => randomHex(8))
  const fifos = tokens.map((token) => talkIn(state.path, token))
  execFileSync('mkfifo', ['-m', '600', ...fifos.flatMap(({ question, answer }) => [question, answer])])
  const bell = openSync(state.commands, constants.O_WRONLY)
  const open = fifos.map(({ question, answer }) => talkBy(question, answer))
  for (const token of tokens) writeSync(bell, `\n${token}\n`)
  closeSync(bell)
  return open
}

/** Says this to the supervisor of an app. */
export async function talk(app: LiveApp, ...parts: readonly (string | Buffer)[]): Promise<string> {
  const [one] = talks(app, 1)
  if (one === undefined) throw new Error('no talk')
  for (const part of parts) await one.say(part)
  return one.ended
}

function talkBy(questionPath: string, answerPath: string): Talk {
  const answer = openSync(answerPath, constants.O_RDONLY | constants.O_NONBLOCK)
  let question: number | undefined = openSync(questionPath, constants.O_RDWR | constants.O_NONBLOCK)
  const bytes = Buffer.alloc(64 * 1024)
  let text = ''
  let isOver = false
  const hush = (): void => {
    if (question !== undefined) closeSync(question)
    question = undefined
  }
  const end = (): string => {
    hush()
    if (!isOver) closeSync(answer)
    isOver = true
    return text
  }
  const listen = async (): Promise<string> => {
    while (!isOver) {
      // The supervisor removes it when it has opened it, from when on its end is an end.
      const isOpened = !existsSync(answerPath)
      const length = expecting({ EAGAIN: -1 }, () => readSync(answer, bytes))
      if (length > 0) text += bytes.toString('utf8', 0, length)
      if (text.endsWith('\n') || (length === 0 && isOpened)) break
      if (length <= 0) await sleep(LOOK_EVERY_MS)
    }
    return end()
  }
  return {
    async say(part) {
      let rest = Buffer.from(part)
      while (question !== undefined && rest.length > 0) {
        const fd = question
        rest = rest.subarray(expecting({ EAGAIN: 0 }, () => writeSync(fd, rest)))
        if (rest.length > 0) await sleep(LOOK_EVERY_MS)
      }
    },
    hush,
    leave: () => void end(),
    ended: listen(),
  }
}
