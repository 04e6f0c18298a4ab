#!/usr/bin/env node
// Stands in for kubectl, and for docker: writes down every call, and answers as the transcript says. A reply is for the calls whose
// words match; the n-th such call gets the n-th reply, and the last one again and again.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

const folder = process.env.TRANSCRIPT
const args = process.argv.slice(2)
const words = args.join(' ')
const stdin = words.includes('--filename=-') ? readFileSync(0, 'utf8') : ''
const path = `${folder}/calls.jsonl`
const before = existsSync(path)
  ? readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : []
appendFileSync(path, `${JSON.stringify({ args, stdin })}\n`)

const { answers } = JSON.parse(readFileSync(`${folder}/transcript.json`, 'utf8'))
const answer = answers.find(({ match }) => new RegExp(match).test(words))
if (answer === undefined) {
  process.stderr.write(`error: the transcript has no answer to: ${words}\n`)
  process.exit(97)
}
const earlier = before.filter(
  (call) => answers.find(({ match }) => new RegExp(match).test(call.args.join(' ')))?.match === answer.match,
)
const reply = answer.replies[Math.min(earlier.length, answer.replies.length - 1)]
process.stderr.write(reply.stderr ?? '')
process.stdout.write(reply.stdout ?? '')
// A server that has frozen, or a command that follows something.
if (reply.hangs === true) setInterval(() => {}, 1 << 30)
else process.exitCode = reply.code ?? 0
