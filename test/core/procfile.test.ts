import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDiagnostic } from '../../src/core/diagnostic.ts'
import { parseProcfile } from '../../src/core/procfile.ts'

function messages(text: string): string[] {
  return parseProcfile(text, 'Procfile').diagnostics.map(
    ({ line, column, length, message }) => `${line}:${column}+${length} ${message}`,
  )
}

function entries(text: string): [string, string, number][] {
  return parseProcfile(text, 'Procfile').types.map(({ name, command, line }) => [name, command, line])
}

describe('an entry is a name, a colon and a command', () => {
  test.each([
    ['web: node server.js', [['web', 'node server.js', 1]]],
    ['web:node server.js', [['web', 'node server.js', 1]]],
    ['  web:\tnode server.js', [['web', 'node server.js', 1]]],
    [
      '\ufeffweb: a\r\nworker: b\r\n',
      [
        ['web', 'a', 1],
        ['worker', 'b', 2],
      ],
    ],
    ['# comment\n\n  # another\n   \nA_b-3: x', [['A_b-3', 'x', 5]]],
    ['web: a # not a comment for us', [['web', 'a # not a comment for us', 1]]],
    ['web: a: b', [['web', 'a: b', 1]]],
    ['web: echo ======= done', [['web', 'echo ======= done', 1]]],
    ['web: a  ', [['web', 'a  ', 1]]],
    ['web: a\r', [['web', 'a', 1]]],
    ['web: a\rb\r\n', [['web', 'a\rb', 1]]],
    ['url: http://x', [['url', 'http://x', 1]]],
  ])('%j', (text, expected) => {
    expect(messages(text)).toEqual([])
    expect(entries(text)).toEqual(expected)
  })
})

describe('whatever is no entry, comment or blank line is an error with its place', () => {
  test.each([
    ['web: a\nnpm start', '2:1+9 this is not "<type>: <command>"'],
    ['web: a\n  npm start \t', '2:3+9 this is not "<type>: <command>"'],
    ['web: a \\ b\nnpm start', '2:1+9 this is not "<type>: <command>"'],
    ['web:', '1:1+4 "web" has no command'],
    ['web:  \t ', '1:1+4 "web" has no command'],
    [': cmd', '1:1+1 a name is missing before the colon'],
    ['web : cmd', '1:4+1 blank before the colon of "web"'],
    ['web \t: cmd: x', '1:4+2 blank before the colon of "web"'],
    ['my app : cmd', '1:3+1 a type is named with letters, digits, "-" and "_" only'],
    ['my app: cmd', '1:3+1 a type is named with letters, digits, "-" and "_" only'],
    ['a.b.c: cmd', '1:2+1 a type is named with letters, digits, "-" and "_" only'],
    ['web.1: cmd', '1:4+1 a type is named with letters, digits, "-" and "_" only'],
    ['h😀llo: cmd', '1:2+2 a type is named with letters, digits, "-" and "_" only'],
    ['web: a\nb: b\nweb: c\nweb: d', '3:1+3 "web" is declared twice (first on line 1)'],
    [`${'x'.repeat(64)}: a`, '1:1+64 the name is 64 characters long'],
    ['  all: a', '1:3+3 "all" is reserved'],
    ['<<<<<<< HEAD\nweb: a', '1:1+7 a merge conflict was left here'],
    ['web: a\n=======', '2:1+7 a merge conflict was left here'],
    ['web: a\n||||||| base', '2:1+7 a merge conflict was left here'],
    ['web: a\n>>>>>>> other: x', '2:1+7 a merge conflict was left here'],
    ['web: a\0b', '1:7+1 a NUL byte'],
    ['\0web: a', '1:1+1 a NUL byte'],
    ['web: a\ufffdb', '1:7+1 a byte that is not UTF-8'],
    ['web: a \\\n  --flag', '2:3+6 a Procfile has no continuation lines'],
    ['', '1:1+1 no process type is declared here'],
    ['# only a comment\n\n', '1:1+1 no process type is declared here'],
  ])('%j', (text, expected) => {
    expect(messages(text)[0]).toBe(expected)
  })

  test('a hint says how to write it', () => {
    const { diagnostics } = parseProcfile('web \t: a\n<<<<<<< HEAD\n', 'Procfile')
    expect(diagnostics.map(({ hint }) => hint)).toEqual([
      'write "web:"',
      'keep one side and remove the <<<<<<< line',
    ])
  })

  test('all of them at once, in file order', () => {
    expect(
      messages('web: a\nnope\nweb: b\nall: c\n======= \nx:').map((message) => message.split('+')[0]),
    ).toEqual(['2:1', '3:1', '4:1', '5:1', '6:1'])
  })

  test('a name of 63 characters is no error', () => {
    expect(messages(`${'x'.repeat(63)}: a`)).toEqual([])
  })

  test('a binary file is one error, not thousands', () => {
    const binary = '\u007fELF\u0002\u0001\u0001' + '\0\ufffd\u0003 x\n'.repeat(50)
    expect(messages(binary)).toEqual(['1:1+1 this is a binary file, not a Procfile'])
  })

  test('a text with strange bytes here and there is none', () => {
    expect(messages(`web: a\n${'# a comment with a strange byte \ufffd\n'.repeat(20)}`)).toEqual([])
    expect(messages(`web: ${'\0'.repeat(8)}`)).toEqual(['1:6+1 a NUL byte'])
  })

  test('an empty Procfile says what to write', () => {
    const [diagnostic] = parseProcfile('', 'Procfile').diagnostics
    expect(diagnostic && formatDiagnostic(diagnostic)).toMatchInlineSnapshot(`
      "Procfile:1:1: error: no process type is declared here
        hint: write one "<type>: <command>" a line, such as "web: node server.js""
    `)
  })
})

test('reading what was written gives what was meant', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/).filter((text) => text !== 'all')
  const command = fc.stringMatching(/^[!-~][ -~]{0,40}$/)
  const types = fc.uniqueArray(fc.tuple(name, command), { minLength: 1, selector: ([type]) => type })
  fc.assert(
    fc.property(
      types,
      fc.constantFrom('\n', '\r\n'),
      fc.constantFrom(':', ': ', ':\t'),
      (wanted, eol, colon) => {
        const text = wanted.map(([type, words]) => `${type}${colon}${words}${eol}`).join('')
        expect(entries(text).map(([type, words]) => [type, words])).toEqual(wanted)
      },
    ),
  )
})

test('every line of any text is an entry, an error, blank or a comment', () => {
  const line = fc.stringMatching(/^[ -~\t]{0,20}$/)
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (lines) => {
      const { types, diagnostics } = parseProcfile(lines.join('\n'), 'Procfile')
      const told = new Set([...types, ...diagnostics].map((each) => each.line))
      const silent = lines.filter((_, index) => !told.has(index + 1))
      expect(silent.filter((each) => each.trim() !== '' && !each.trim().startsWith('#'))).toEqual([])
    }),
  )
})
