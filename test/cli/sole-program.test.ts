import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { childOf } from '../../src/runtime/process-table.ts'
import { endsClean, kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { waitingShim } from '../support/waiting-shims.ts'

const onLinux = requires('linux-x64')
/** More than a few, which one shell starts. */
const MANY = 13

/** Writes down what a process can see of how it was executed. */
const TELLER = `
const { readFileSync, readlinkSync, renameSync, writeFileSync } = require('node:fs')
const status = readFileSync('/proc/self/status', 'latin1')
const own = /^(_|PORT|PS|TW_RUN_PROCESS|TW_RUN_INSTANCE|TMPDIR)=/
const told = {
  environment: readFileSync('/proc/self/environ', 'latin1').split('\\0').filter((one) => !own.test(one)).sort(),
  // But those that Node has opened itself.
  open: [0, 1, 2, 3, 4, 5].map((fd) => { try { return readlinkSync('/proc/self/fd/' + fd) } catch { return '' } })
    .map((path) => path.replace(/^.*[/]processes[/].*[/]/, '')).filter((path) => !/^(anon_inode|pipe|socket|[/]dev[/]null)/.test(path)),
  signals: ['SigBlk', 'SigIgn'].map((name) => new RegExp(name + ':.*').exec(status)[0]),
  words: process.argv.slice(2),
  folder: process.cwd(),
  isMemberOfItsShim: process.ppid === Number(readFileSync('/proc/self/stat', 'latin1').split(' ')[4]),
  shim: readFileSync('/proc/' + process.ppid + '/cmdline', 'latin1').split('\\0')[0],
}
const name = process.env.PS + '.' + process.env.TW_RUN_INSTANCE
writeFileSync('next.' + name, JSON.stringify(told))
renameSync('next.' + name, 'told.' + name)
setInterval(() => {}, 1000)
`
const WORDS = `'a  b' "c d" port=$PORT \${PORT}`

/** What a process told when it was started the last time. */
async function told(app: LiveApp, id: string): Promise<unknown> {
  const path = await until(`what ${id} says`, () => {
    const spec = app.runFile(id, 'spec.json')
    const { token } = JSON.parse(spec ?? '{}') as { token?: string }
    const file = app.path(`told.${id}.${token}`)
    return existsSync(file) ? file : undefined
  })
  const { words, ...rest } = JSON.parse(readFileSync(path, 'utf8')) as { words: string[] }
  return { ...rest, words: words.map((word) => word.replace(/\d+/, 'N')) }
}

async function crash(app: LiveApp, id: string): Promise<void> {
  kill9(await until('a command', () => childOf(Number(app.runFile(id, 'pid')))))
}

onLinux('a program that its shim executes finds what it would find after a shell of its own', async () => {
  const app = liveApp({
    Procfile: `sole: node tell.cjs ${WORDS}\nshell: : && exec node tell.cjs ${WORDS}\n`,
    'tell.cjs': TELLER,
  })
  const run = app.start(['-p', String(portAt(0)), '--restart', 'always'], { A: "it's $HOME", IFS: ':' })
  await run.waitFor(/shell/)
  const expected = await told(app, 'shell.1')
  expect(await told(app, 'sole.1')).toEqual(expected)
  // By the shim that waits.
  await waitingShim(app)
  const before = app.runFile('sole.1', 'spec.json')
  await crash(app, 'sole.1')
  await until('the next one', () => app.runFile('sole.1', 'spec.json') !== before)
  expect(await told(app, 'sole.1')).toEqual(expected)
  await endsClean(app, run)
})

onLinux('also one of many that a launcher started', async () => {
  const app = liveApp({
    Procfile: `sole: node tell.cjs ${WORDS}\nshell: : && exec node tell.cjs ${WORDS}\n`,
    'tell.cjs': TELLER,
  })
  const run = app.start(['-p', String(portAt(0)), '-m', `sole=${MANY},shell=1`])
  await run.waitFor(/shell/)
  const expected = await told(app, 'shell.1')
  for (let index = 1; index <= MANY; index += 1)
    expect(await told(app, `sole.${index}`), `sole.${index}`).toEqual(expected)
  await endsClean(app, run)
})

test('how a sole program ends is how the process ended', async () => {
  const app = liveApp({ Procfile: `web: node -e 'process.exitCode=7'\n` })
  const run = app.start(['-p', String(portAt(0))])
  expect(await run.ended, run.output()).toBe(7)
})

test.each([
  ['is not there', 'nope --port 1', 127, /sh: (line )?1: (exec: )?nope: not found|nope: command not found/],
  ['is no program', './text a', 0, /read by a shell: a/],
  ['has an interpreter that is not there', './lost', 127, /sh: .*lost: .*not found/],
  ['may not be executed', './plain', 126, /sh: .*plain: Permission denied/],
])('a program that %s is left to the shell', async (_, command, code, says) => {
  const app = liveApp({
    Procfile: `web: ${command}\n`,
    text: 'echo "read by a shell: $1"\n',
    lost: '#!/nowhere/to/be/found\n',
    plain: '#!/bin/sh\n',
  })
  for (const name of ['text', 'lost']) chmodSync(app.path(name), 0o755)
  const run = app.start(['-p', String(portAt(0))])
  expect(await run.ended, run.output()).toBe(code)
  expect(run.output()).toMatch(says)
  expect(run.output()).not.toContain('tw-run:')
})
