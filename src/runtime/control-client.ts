import { connect } from 'node:net'
import { TwRunError } from '../core/error.ts'
import { decodeReply } from '../core/protocol.ts'
import type { Reply, Request } from '../core/protocol.ts'
import { bootNow } from './clock.ts'
import { failedWith } from './system-error.ts'

/** How long the supervisor may take to answer, ms. It answers before it acts. */
const ANSWER_WITHIN_MS = 10_000
/** What is not begun so long before that is not done: it takes the supervisor a moment, ms, to do it. */
const TO_DO_IT_MS = 2_000
const OTHER_VERSION = 'it may be of another version: `tw-run ps` shows what runs, and `tw-run stop` ends it'

/**
 * Sends a command to the supervisor; undefined if none listens, `hung-up` if it went without an answer, so
 * that nobody knows whether it happened. Errors: TwRunError 1 if it does not answer
 * in time, such as one that was stopped.
 */
export function sendCommand(path: string, request: Request): Promise<Reply | 'hung-up' | undefined> {
  return new Promise((resolve, reject) => {
    const until = bootNow() + ANSWER_WITHIN_MS - TO_DO_IT_MS
    let text = ''
    const socket = connect(path)
    const silent = new TwRunError('the supervisor does not answer: nothing was changed', {
      exitCode: 1,
      hint: 'it may be stopped: `tw-run ps --verbose` shows its pid; wake it with kill -CONT, or end it with kill -9',
    })
    const timeout = setTimeout(() => {
      socket.destroy()
      reject(silent)
    }, ANSWER_WITHIN_MS)
    socket.setEncoding('utf8')
    socket.on('connect', () => socket.write(`${JSON.stringify({ ...request, until })}\n`))
    const finish = (isWhole: boolean): void => {
      clearTimeout(timeout)
      // Nobody waits for the other side, which acts before it hangs up. Nor is it destroyed: Node would make a stream of
      // stderr to see that it is none.
      socket.unref()
      const reply = decodeReply(text)
      if (reply !== undefined) resolve(reply)
      // Hung up without a word: it died with the question in its hands, or is turning clients away.
      else if (!isWhole) resolve('hung-up')
      else
        reject(
          new TwRunError(`the supervisor gave an answer that is none`, { exitCode: 1, hint: OTHER_VERSION }),
        )
    }
    socket.on('data', (chunk: string) => {
      text += chunk
      if (chunk.includes('\n')) finish(true)
    })
    socket.on('error', (error) => {
      clearTimeout(timeout)
      if (failedWith(error, 'ENOENT', 'ECONNREFUSED')) resolve(undefined)
      else if (failedWith(error, 'ECONNRESET', 'EPIPE')) resolve('hung-up')
      else reject(error)
    })
    socket.on('end', () => finish(false))
  })
}
