import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openThings, parseOpenFiles, sharedMemory } from '../../src/runtime/open-files.ts'
import { requires } from '../support/requirement.ts'

/** As `lsof -nP -p ... -F pfatnT` prints it on macOS and on Linux, shortened. */
const RECORDED = `p4211
fcwd
a 
tDIR
n/Users/ann/app
ftxt
a 
tREG
n/usr/local/bin/node
f0
ar
tCHR
n/dev/null
f17
au
tREG
n/Users/ann/app/app.db
f18
aw
tREG
n/Users/ann/app/log/my file.log
f19
ar
tREG
n/Users/ann/app/package.json
f20
au
tIPv4
n127.0.0.1:5000
TST=LISTEN
TQR=0
TQS=0
f21
au
tIPv4
n127.0.0.1:5000->127.0.0.1:50912
TST=ESTABLISHED
f22
au
tIPv6
n[::1]:5000
TST=LISTEN
f23
aw
tREG
n/private/tmp/gone (deleted)
p4212
f3
aw
tREG
n/dev/shm/cache
`

test('what lsof prints: files for writing, and ports that are listened on', () => {
  expect(parseOpenFiles(RECORDED)).toEqual(
    new Map([
      [
        4211,
        {
          files: ['/Users/ann/app/app.db', '/Users/ann/app/log/my file.log'],
          memory: [],
          ports: [5000, 5000],
        },
      ],
      [4212, { files: ['/dev/shm/cache'], memory: [], ports: [] }],
    ]),
  )
  expect(parseOpenFiles('')).toEqual(new Map())
})

describe('what is mapped', () => {
  test.for([
    ['7f00-7f01 rw-s 00000000 00:1a 42 /dev/shm/cache', ['/dev/shm/cache']],
    ['7f00-7f01 -w-s 00000000 08:01 99 /srv/app/my data', ['/srv/app/my data']],
    ['7f00-7f01 rw-s 00000000 00:01 77 /memfd:pool (deleted)', ['/memfd:pool (00:01 77)']],
    ['7f00-7f01 rw-s 00000000 00:01 5 /SYSV00000000 (deleted)', ['/SYSV00000000 (00:01 5)']],
    // The first segment since the boot, or of a container.
    ['7f00-7f01 rw-s 00000000 00:01 0 /SYSV000004c1 (deleted)', ['/SYSV000004c1 (00:01 0)']],
    // What only a fork could share, what nobody can write, and what is of one process.
    ['7f00-7f01 rw-s 00000000 00:01 9 /dev/zero (deleted)', []],
    ['7f00-7f01 r--s 00000000 08:01 3 /usr/lib/locale/locale-archive', []],
    ['7f00-7f01 rw-p 00000000 08:01 3 /usr/lib/libc.so', []],
    ['7f00-7f01 rw-s 00000000 00:05 8 /dev/nvidia0', []],
    ['7f00-7f01 rw-p 00000000 00:00 0 [heap]', []],
    // By which a Node of 24 or 26 talks to the kernel; older kernels give all such memory one inode.
    ['7f00-7f01 rw-s 10000000 00:10 28061133 anon_inode:[io_uring]', []],
  ] as const)('%s', ([line, expected]) => {
    expect(sharedMemory(`${line}\n`)).toEqual(expected)
  })
})

requires('linux', 'lsof')('/proc and lsof say the same of a living process', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tw-run-open-')))
  const program =
    `const fs = require('node:fs'); fs.openSync('written', 'a+'); fs.openSync('written', 'r');` +
    `const server = require('node:net').createServer();` +
    `server.listen(0, '127.0.0.1', () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['-e', program], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  try {
    const { pid = 0 } = child
    const printed = execFileSync('lsof', ['-nP', '-p', String(pid), '-F', 'pfatnT'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [ours, theirs] = [openThings([pid]).get(pid), parseOpenFiles(printed).get(pid)]
    expect(ours).toMatchObject({ files: [join(folder, 'written')], ports: [Number(line.toString())] })
    expect(theirs).toMatchObject({ files: ours?.files, ports: ours?.ports })
  } finally {
    child.kill('SIGKILL')
    await once(child, 'close')
    rmSync(folder, { recursive: true })
  }
})
