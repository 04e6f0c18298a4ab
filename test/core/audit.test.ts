import { describe, expect, test } from 'vitest'
import { distinct, fileFindings, grouped, isDisposable, sharedFindings } from '../../src/core/audit.ts'
import type { FileChange, Writer } from '../../src/core/audit.ts'
import { isIgnored, parseIgnored } from '../../src/core/finding.ts'
import type { Finding, Rule } from '../../src/core/finding.ts'
import { processId } from '../../src/core/names.ts'

const [one, two, worker] = [processId('web', 1), processId('web', 2), processId('worker', 1)]
const written = (path: string): FileChange => ({ path, how: 'written', at: 1000 })
const nobody = (): readonly Writer[] => []
const byWeb = (): readonly Writer[] => [{ id: one, doing: 'answering POST /uploads' }]

describe('what two processes share', () => {
  test.for([
    [[one], []],
    [[two, one], ['app.db was open for writing in web.1 and web.2']],
    [[worker, two, one], ['app.db was open for writing in web.1, web.2 and worker.1']],
    [
      Array.from({ length: 9 }, (_, index) => processId('web', index + 1)),
      ['app.db was open for writing in web.1, web.2, web.3, web.4 and 5 more'],
    ],
    [
      Array.from({ length: 5 }, (_, index) => processId('web', index + 1)),
      ['app.db was open for writing in web.1, web.2, web.3, web.4 and 1 more'],
    ],
  ] as const)('a file open for writing: %j', ([ids, evidence]) => {
    const writers = new Map([['app.db', new Set(ids)]])
    const findings = sharedFindings({ writers, mappers: new Map(), listeners: new Map() })
    expect(findings.map((finding) => finding.evidence)).toEqual(evidence)
    expect(findings.every(({ rule, subject }) => rule === 'shared-file' && subject === 'app.db')).toBe(true)
  })

  test('a segment of memory is said once, however it is held', () => {
    const both = new Map([['/dev/shm/cache', new Set([one, two])]])
    const findings = sharedFindings({ writers: both, mappers: both, listeners: new Map() })
    expect(findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
      'shared-memory /dev/shm/cache',
    ])
  })

  test('memory without a name', () => {
    const mappers = new Map([['memory (00:01 7)', new Set([two, one])]])
    expect(sharedFindings({ writers: new Map(), mappers, listeners: new Map() })).toEqual([
      {
        rule: 'shared-memory',
        subject: 'memory (00:01 7)',
        evidence: 'memory (00:01 7) was writable memory of web.1 and web.2',
      },
    ])
  })

  test('memory of one process alone is its own, and so is its port', () => {
    const mappers = new Map([['memory (00:01 7)', new Set([one])]])
    expect(
      sharedFindings({ writers: new Map(), mappers, listeners: new Map([[5000, new Set([one])]]) }),
    ).toEqual([])
  })

  test('a port', () => {
    const listeners = new Map([[9000, new Set([two, worker])]])
    expect(sharedFindings({ writers: new Map(), mappers: new Map(), listeners })).toEqual([
      { rule: 'shared-port', subject: '9000', evidence: 'port 9000 was listened on by web.2 and worker.1' },
    ])
  })
})

describe('files that stay', () => {
  test.for([
    [written('a.txt'), byWeb, 'a.txt was written by web.1, answering POST /uploads, and survives'],
    [written('a.txt'), () => [{ id: two }], 'a.txt was written by web.2 and survives'],
    [
      written('a.txt'),
      () => [
        { id: two, doing: 'answering PUT /', isGuess: true },
        { id: one, isGuess: true },
      ],
      'a.txt was written by web.1 or web.2, answering PUT /, and survives',
    ],
    [
      written('a.txt'),
      () => [{ id: worker }, { id: one, doing: 'answering PUT /', isGuess: true }],
      'a.txt was written by worker.1 and survives',
    ],
    [
      written('a.txt'),
      nobody,
      'a.txt was written (by whom was not seen: it may have been the tests) and survives',
    ],
    [
      { path: 'a.txt', how: 'changed' },
      byWeb,
      'a.txt was changed by web.1, answering POST /uploads, and survives',
    ],
    [
      { path: 'a.txt', how: 'removed' },
      nobody,
      'a.txt was removed (by whom was not seen: it may have been the tests)',
    ],
  ] as const)('%j', ([change, writers, evidence]) => {
    expect(fileFindings([change], writers).map((finding) => finding.evidence)).toEqual([evidence])
  })

  test.for([
    [3, true, 'a.txt was written by web.1 or web.2 or web.3 and survives'],
    [4, true, 'a.txt was written (by whom was not seen: it may have been the tests) and survives'],
    [4, false, 'a.txt was written by web.1, web.2, web.3 and web.4 and survives'],
  ] as const)('of %i who may have written it, a guess: %s', ([count, isGuess, evidence]) => {
    const writers = Array.from({ length: count }, (_, index): Writer => {
      return { id: processId('web', index + 1), isGuess }
    })
    expect(fileFindings([written('a.txt')], () => writers).map((finding) => finding.evidence)).toEqual([
      evidence,
    ])
  })

  test.for([
    ['public/assets/app-3f2a.css', 'assets'],
    ['staticfiles/CACHE/js/output.0123456789ab.js', 'assets'],
    ['dist/main.js.map', 'assets'],
    ['dist/main.js.gz', 'assets'],
    ['.next/static/chunks/main.js', 'assets'],
    ['public/packs/font.woff2', 'assets'],
    ['uploads/app.css', 'files'],
    ['static/font.woff', 'assets'],
    ['dist/report.txt', 'files'],
    ['dist/main.js.txt', 'files'],
    ['assets.css', 'files'],
  ] as const)('%s: %s', ([path, rule]) => {
    expect(fileFindings([written(path)], nobody).map((finding) => finding.rule)).toEqual([rule])
  })

  test.for([
    ['lib/__pycache__/app.cpython-311.pyc', true],
    ['/usr/lib/python3/dist-packages/django/__pycache__/x.pyc.1234', true],
    ['node_modules/.cache/babel/1.json', true],
    ['node_modules/.vite/deps/vue.js', true],
    ['.pytest_cache/v/cache/lastfailed', true],
    ['tmp/cache/bootsnap/load-path-cache', true],
    ['/home/ann/.cache/fontconfig/1.cache-7', true],
    ['/home/ann/.npm/_logs/2026-debug-0.log', true],
    ['__pycache__', false],
    ['cache/page.html', false],
    ['tmp/cache/assets/sprockets', false],
    ['my__pycache__/x', false],
    ['node_modules/left-pad/index.js', false],
    ['.next/cache/x', false],
  ] as const)('nobody misses %s: %s', ([path, expected]) => {
    expect(isDisposable(path)).toBe(expected)
    expect(fileFindings([written(path)], nobody)).toHaveLength(expected ? 0 : 1)
  })
})

describe('many files of one folder', () => {
  const uploads = (count: number): FileChange[] =>
    Array.from({ length: count }, (_, index) => written(`uploads/${index}.png`))

  test('up to three are told one by one', () => {
    expect(grouped(fileFindings(uploads(3), byWeb)).map(({ subject }) => subject)).toEqual([
      'uploads/0.png',
      'uploads/1.png',
      'uploads/2.png',
    ])
  })

  test('more are one finding, with everybody who wrote', () => {
    const changes = [...uploads(12), written('note.txt')]
    const writers = ({ path }: FileChange): Writer[] => [
      path === 'uploads/3.png' ? { id: two } : { id: one, doing: 'answering PUT /' },
    ]
    expect(grouped(fileFindings(changes, writers))).toEqual([
      {
        rule: 'files',
        subject: 'uploads/',
        evidence:
          '12 files in uploads/ were written by web.1 and web.2, answering PUT /, and survive, such as uploads/0.png',
      },
      {
        rule: 'files',
        subject: 'note.txt',
        evidence: 'note.txt was written by web.1, answering PUT /, and survives',
      },
    ])
  })

  test('are told by the folder that they lie in, and by their rule', () => {
    const changes = [1, 2, 3, 4].map((number) => written(`public/assets/css/${number}.css`))
    expect(grouped(fileFindings(changes, byWeb))).toMatchObject([
      { rule: 'assets', subject: 'public/assets/css/' },
    ])
  })

  test('what is meant to be so is taken out file by file, however many there are', () => {
    const ignored = [parseIgnored('files:uploads/0.png') ?? { rule: 'tests' as const, glob: '' }]
    const all = fileFindings(uploads(5), byWeb)
    const isMeant = (one: Finding): boolean => isIgnored(one, ignored, (path, glob) => path === glob)
    const [meant, counted] = [all.filter(isMeant), all.filter((one) => !isMeant(one))]
    expect(grouped(meant).map(({ subject }) => subject)).toEqual(['uploads/0.png'])
    expect(grouped(counted).map(({ evidence }) => evidence)).toEqual([
      '4 files in uploads/ were written by web.1, answering POST /uploads, and survive, such as uploads/1.png',
    ])
  })
})

test('each thing is said once, and what it brings along not at all', () => {
  const finding = (rule: Rule, subject: string, evidence = ''): Finding => ({ rule, subject, evidence })
  const all = [
    finding('shared-file', 'app.db', 'first'),
    finding('shared-file', 'app.db', 'second'),
    finding('files', 'app.db'),
    finding('shared-file', 'app.db-journal'),
    finding('shared-memory', 'app.db-shm'),
    finding('files', 'app.db-wal'),
    finding('files', 'other.db-wal'),
    finding('shared-memory', '/dev/shm/cache'),
    finding('files', '/dev/shm/cache'),
    finding('files', '/dev/shm/own'),
  ]
  expect(distinct(all).map(({ rule, subject, evidence }) => `${rule} ${subject} ${evidence}`.trim())).toEqual(
    [
      'shared-file app.db first',
      'files app.db',
      'files other.db-wal',
      'shared-memory /dev/shm/cache',
      'files /dev/shm/own',
    ],
  )
})

test('what is meant to be so is of the same rule, and one of several globs is enough', () => {
  const finding = { rule: 'files', subject: 'log/a', evidence: '' } as const
  const isMeant = (...ignored: readonly { rule: Rule; glob: string }[]): boolean =>
    isIgnored(finding, ignored, (subject, glob) => subject === glob)
  expect(isMeant()).toBe(false)
  expect(isMeant({ rule: 'files', glob: 'log/b' }, { rule: 'files', glob: 'log/a' })).toBe(true)
  expect(isMeant({ rule: 'files', glob: '**' })).toBe(true)
  expect(isMeant({ rule: 'assets', glob: 'log/a' }, { rule: 'session', glob: '**' })).toBe(false)
})

test.for([
  ['files:coverage/**', { rule: 'files', glob: 'coverage/**' }],
  ['session', { rule: 'session', glob: '**' }],
  ['shared-memory:/dev/shm/a:b', { rule: 'shared-memory', glob: '/dev/shm/a:b' }],
  ['file:x', undefined],
  ['', undefined],
  ['toString:x', undefined],
] as const)('--ignore %s', ([text, expected]) => {
  expect(parseIgnored(text)).toEqual(expected)
})
