import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { describe, expect, vi } from 'vitest'
import { portAt } from '../support/ports.ts'
import { found, leftOf, plantedApp, prove } from '../support/prove.ts'
import type { Tool } from '../support/requirement.ts'
import { requires } from '../support/requirement.ts'

/** `npm run prove-soak` asks for 20. */
const ROUNDS = Number(process.env['PROVE_ROUNDS'] ?? 1)
const SHARED_PORT = String(portAt(0))
vi.setConfig({ testTimeout: 90_000 })

interface Planted {
  /** What is done wrong, in a word. */
  readonly name: string
  readonly procfile: string
  readonly test: string
  readonly args?: readonly string[]
  /** Everything that has to be found: `rule subject`. */
  readonly findings: readonly (string | RegExp)[]
  readonly evidence: RegExp
  readonly needs?: readonly Tool[]
}

const UUID = '[0-9a-f-]{36}'

const PLANTED: readonly Planted[] = [
  {
    name: 'a session in memory',
    procfile: 'web: node session-in-memory.js',
    test: 'log-in.js',
    findings: ['session sid'],
    evidence:
      /^cookie "sid" set by web\.\d was unknown to web\.\d( after its restart)? \(GET \/account: 302 to \/login\)$/,
  },
  {
    name: 'a session in memory that is begun anew, with which the tests are content',
    procfile: 'web: node renewed-in-memory.js',
    test: 'stroll.js',
    findings: ['session sid'],
    evidence:
      /^cookie "sid" set by web\.\d was unknown to web\.\d( after its restart)? \(GET \/cart: 200\), .* the tests passed all the same$/,
  },
  {
    name: 'a rate counter in memory',
    procfile: 'web: node rate-in-memory.js',
    test: 'hurry.js',
    findings: ['tests tests'],
    evidence: /^the tests passed with one process of each type and failed with several \(exit code 1\)$/,
  },
  {
    name: 'sessions in files',
    procfile: 'web: node session-in-files.js',
    test: 'log-in.js',
    findings: [new RegExp(`^files sessions/(${UUID}\\.json)?$`)],
    evidence: /sessions\/.* (was|were) written by web\.\d.* and survives?/,
  },
  {
    name: 'SQLite in two processes',
    procfile: 'web: python3 python_web.py database',
    test: 'visit.js',
    findings: ['files app.db', 'shared-file app.db'],
    evidence: /^app\.db was open for writing in web\.1 and web\.2$/,
    needs: ['python3'],
  },
  {
    name: 'a segment of /dev/shm',
    procfile: 'web: python3 python_web.py segment',
    test: 'visit.js',
    findings: [/^shared-memory \/dev\/shm\/planted-/],
    evidence: /^\/dev\/shm\/planted-\w+ was (open for writing in|writable memory of) web\.1 and web\.2$/,
    needs: ['python3'],
  },
  {
    name: 'a port that two listen on',
    procfile: 'web: python3 python_web.py shared_port',
    test: 'visit.js',
    findings: [`shared-port ${SHARED_PORT}`],
    evidence: new RegExp(String.raw`^port ${portAt(0)} was listened on by web\.1 and web\.2$`),
    needs: ['python3'],
  },
  {
    name: 'uploads in a folder',
    procfile: 'web: node uploads.js',
    test: 'upload.js',
    findings: [new RegExp(`^files uploads/(${UUID}\\.png)?$`)],
    evidence: /uploads\/.* (was|were) written by web\.\d/,
  },
  {
    name: 'assets compiled at run time',
    procfile: 'web: node assets-at-run-time.js',
    test: 'visit.js',
    findings: ['assets public/assets/app-3f2a.css'],
    evidence: /^public\/assets\/app-3f2a\.css was written by web\.1.* and survives$/,
  },
  {
    name: 'SIGTERM ignored',
    procfile: 'web: node deaf.js',
    test: 'visit.js',
    args: ['-t', '1'],
    findings: ['stop web.1', 'stop web.2'],
    evidence: /^web\.\d did not stop within 1 s$/,
  },
  {
    name: 'a daemon',
    procfile: 'web: node daemon.js',
    test: 'visit.js',
    findings: ['leftover web.1', 'leftover web.2'],
    evidence: /^web\.\d ended and left running: sleep 600 \(pid \d+\)$/,
  },
  {
    name: 'a file of web and worker',
    procfile: 'web: node journal.js\nworker: node journal.js',
    test: 'visit.js',
    findings: ['files data/events.log', 'shared-file data/events.log'],
    evidence: /^data\/events\.log was open for writing in (web\.\d(, | and ))+worker\.\d/,
  },
]

const CLEAN: readonly Omit<Planted, 'findings' | 'evidence'>[] = [
  { name: 'a clean app', procfile: 'web: node clean.js\nworker: node clean.js', test: 'visit.js' },
  { name: 'a session that slides on', procfile: 'web: node login-page.js sliding', test: 'stroll.js' },
  {
    name: 'a clean app in Python, which compiles what it imports',
    procfile: 'web: python3 python_web.py clean',
    test: 'visit.js',
    needs: ['python3'],
  },
]

const rounds = Array.from({ length: ROUNDS }, (_, index) => index + 1)

for (const { name, procfile, test: file, args = [], findings, evidence, needs = [] } of PLANTED) {
  const test = requires('linux', ...needs)
  test.for(rounds)(`finds ${name} (%i of ${ROUNDS})`, async () => {
    const app = plantedApp(`${procfile}\n`)
    const segment = `planted-${randomBytes(4).toString('hex')}`
    try {
      const result = await prove(app, [...args, '--for', '1s', '--', 'node', file], {
        SEGMENT: segment,
        SHARED_PORT,
      })
      const all = found(result)
      expect({ all, code: result.code }, result.stdout + result.stderr).toEqual({
        all: all.filter((one) => findings.some((wanted) => isIt(wanted, one))),
        code: 3,
      })
      for (const wanted of findings)
        expect(
          all.some((one) => isIt(wanted, one)),
          `${String(wanted)} in:\n${result.stdout}`,
        ).toBe(true)
      expect(result.report?.findings.map((one) => one.evidence).join('\n')).toMatch(new RegExp(evidence, 'm'))
      expect(leftOf(app)).toEqual([])
    } finally {
      rmSync(`/dev/shm/${segment}`, { force: true })
    }
  })
}

describe('finds nothing in', () => {
  for (const { name, procfile, test: file, needs = [] } of CLEAN) {
    const test = requires('linux', ...needs)
    test.for(rounds)(`${name} (%i of ${ROUNDS})`, async () => {
      const app = plantedApp(`${procfile}\n`)
      const result = await prove(app, ['--for', '1s', '--', 'node', file])
      expect({ code: result.code, found: found(result) }, result.stdout + result.stderr).toEqual({
        code: 0,
        found: [],
      })
      expect(result.stdout).toMatch(/share-nothing: nothing found in [\d.]+ s\n$/)
      expect(leftOf(app)).toEqual([])
    })
  }
})

function isIt(wanted: string | RegExp, one: string): boolean {
  return typeof wanted === 'string' ? wanted === one : wanted.test(one)
}
