import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { afterAll, afterEach, expect, test } from 'vitest'
import { columns, isTerminal, say } from '../../src/runtime/terminal.ts'
import { makeApp } from '../support/rig.ts'

const app = makeApp()
const open: number[] = []
afterAll(() => app.cleanup())
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd)
})

function fifo(): { reader: number; writer: number } {
  const path = app.path(`fifo${Math.random()}`)
  spawnSync('mkfifo', [path])
  const reader = openSync(path, 'r+')
  // O_WRONLY | O_NONBLOCK, so that a full pipe answers EAGAIN.
  const writer = openSync(path, 0o4001)
  open.push(reader)
  return { reader, writer }
}

test('a text that is larger than the pipe is written whole, however slowly it is read', async () => {
  const { reader, writer } = fifo()
  const text = Array.from({ length: 40_000 }, (_, n) => `line ${n} é\n`).join('')
  const child = spawn('sh', ['-c', 'sleep 0.2; head -c "$1"', 'sh', String(Buffer.byteLength(text))], {
    stdio: [reader, openSync(app.path('copy'), 'w'), 'ignore'],
  })
  const ended = new Promise((resolve) => child.on('close', resolve))
  expect(say(writer, text)).toBe(true)
  closeSync(writer)
  await ended
  expect(readFileSync(app.path('copy'), 'utf8')).toBe(text)
})

test('a reader that has gone is no error', () => {
  const { reader, writer } = fifo()
  closeSync(reader)
  open.length = 0
  expect(say(writer, 'hello\n')).toBe(false)
  closeSync(writer)
})

test('a file is no terminal and has no columns', () => {
  const fd = openSync(app.path('plain'), 'w')
  open.push(fd)
  expect([isTerminal(fd), columns(fd)]).toEqual([false, undefined])
})
