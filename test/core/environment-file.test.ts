import { parse } from 'dotenv'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkEnvironmentFile } from '../../src/core/environment-file.ts'
import { formatDiagnostic, type Diagnostic } from '../../src/core/diagnostic.ts'

function faults(text: string, of: Diagnostic['severity'] = 'error'): string[] {
  return checkEnvironmentFile(text, '.env')
    .filter(({ severity }) => severity === of)
    .map(({ line, column, message }) => `${line}:${column} ${message}`)
}

describe('an assignment, a comment and a blank line are sound', () => {
  test.each([
    'A=1',
    'A=',
    'export A=1',
    '  A = 1 # why',
    'A: 1',
    '# A',
    'A=1\n#\n\t#\nB="x" #\nC=1 #',
    'A=""\nB=\'\'\nC=``\nD=#\nE=##',
    '',
    '\ufeffA=1\r\nB=2\r\n',
    'A="x" # why',
    "A='it is'",
    'A=`x`',
    'A="a\nb"\nB=1',
    "A='\n# no comment\n'",
    'A="x#y" # why',
    'A=\'{"k":1}\'',
    'A="one\\ntwo\\\\"',
    'A=b\t# why #2',
    'A=# why',
    'A: # why',
    "A=it's",
    'TW_RUN_ROOT=\nTW_RUN_ENV= # not set\nTW_RUN_PORT=1\nMY_TW_RUN_ENV=1\nTW_RUN_ENVIRONMENT=1',
    'A={"a": "b"}',
    'A==',
    'A="C:\\"\nB="x"',
  ])('%j', (text) => {
    expect(faults(text)).toEqual([])
    expect(faults(text, 'warning')).toEqual([])
  })
})

const CUT = 'the value ends here: dotenv takes # and what follows for a comment'
const KEPT = 'dotenv keeps this backslash as a part of the value'

describe('what dotenv skips or misreads in silence is an error with its place', () => {
  test.each([
    ['A=1\nB="x\nC=3', ['2:3 a quote is opened here and never closed']],
    ["A='x", ['1:3 a quote is opened here and never closed']],
    ['A="x\nB="y"', ['1:3 a quote is opened here and never closed']],
    ['A="x" y', ['1:3 text after the closing quote']],
    ['A="" y', ['1:3 text after the closing quote']],
    ['A=1\n\nnot this\n  nor that', ['3:1 this is no assignment', '4:3 this is no assignment']],
    ['export A', ['1:1 this is no assignment']],
    ['A:1', ['1:1 this is no assignment']],
    ['=1', ['1:1 this is no assignment']],
    ['PW=p@ss#word', [`1:8 ${CUT}`]],
    ['A=1\nexport URL = http://x/#/home # why', [`2:23 ${CUT}`]],
    ['COLOUR=#fff', [`1:8 ${CUT}`]],
    ['PW=pass# not a comment', [`1:8 ${CUT}`]],
    ['A=it\'s#1\nB="#"#2', [`1:7 ${CUT}`]],
    ['JSON="{\\"k\\": 1}"', [`1:8 ${KEPT}`]],
    ['A="1\n\\"2" # why\nbad', [`2:1 ${KEPT}`, '3:1 this is no assignment']],
    ["A='it\\'s'", [`1:6 ${KEPT}`]],
    ['A="\\"quoted\\""', [`1:4 ${KEPT}`]],
    ['A=1\nB="2\n3\n4 \\"5"', [`4:3 ${KEPT}`]],
    ['A="1\n2\n3"\nbad', ['4:1 this is no assignment']],
    ['A=1\rbad\rB=2\n\rworse', ['2:1 this is no assignment', '5:1 this is no assignment']],
    ['A=a\0b', ['1:4 a byte that is no text (NUL, or not UTF-8)']],
    ['\ufffd', ['1:1 a byte that is no text (NUL, or not UTF-8)']],
    ['A="x\n\0"\nbad', ['1:3 a byte that is no text (NUL, or not UTF-8)', '3:1 this is no assignment']],
  ])('%j', (text, expected) => {
    expect(faults(text)).toEqual(expected)
  })
})

const LATE = 'has no effect here: it says which environment files are read'

test.each([
  ['A=1\nTW_RUN_ROOT=sub', [`2:1 TW_RUN_ROOT ${LATE}`]],
  ['  export TW_RUN_ENV = "a\nb"\nTW_RUN_ROOT: x', [`1:10 TW_RUN_ENV ${LATE}`, `3:1 TW_RUN_ROOT ${LATE}`]],
])('what would have to be known before the file is read is an error: %j', (text, expected) => {
  expect(faults(text)).toEqual(expected)
})

test('a name that a shell may drop is a warning, whatever is wrong with the value', () => {
  const text = 'a.b=1\nexport x-y: a#b\n 1BAD="x\ny"\n_b2=1\nc.d="x'
  const lost = (name: string): string => `"${name}" is no name for a shell: a process may not get it`
  expect(faults(text, 'warning')).toEqual([
    `1:1 ${lost('a.b')}`,
    `2:8 ${lost('x-y')}`,
    `3:2 ${lost('1BAD')}`,
    `6:1 ${lost('c.d')}`,
  ])
  expect(faults(text)).toEqual([`2:14 ${CUT}`, '6:5 a quote is opened here and never closed'])
})

test('no diagnostic shows a value', () => {
  const text =
    'TW_RUN_ROOT=/hunter2\na.b=hunter2\nKEY="hunter2 one\nhunter2/Zm9v==\nPASS=`hunter2` x\nexport T=\'hunter2\nC=hunter2#hunter2\nD="hunter2\\"hunter2"\nB=hunter2\0'
  const shown = checkEnvironmentFile(text, '.env').map(formatDiagnostic).join('\n')
  expect(shown).toContain('KEY="******* ***')
  expect(shown).not.toMatch(/hunter2|Zm9v/)
})

test('no diagnostic shows a character of a value, and each shows the line that it is about', () => {
  const text =
    'A=1\nB=ΩΩ#Ω\nC="Ω" Ω\nD="Ω\\"Ω"\nΩ Ω\nE="1\n2\nΩ Ω\\"Ω"\nF="ΩΩ\n\0"\nexport G.H = `Ω` Ω\nI=Ω\0\nJ="Ω'
  const shown = checkEnvironmentFile(text, '.env').map(({ line, source }) => `${line} ${source}`)
  expect(shown).toEqual([
    '2 B=****',
    '3 C="** *',
    '4 D="*****',
    '5 * *',
    '8 * *****',
    '9 *****',
    '11 export G.H = *** *',
    '11 export G.H = `** *',
    '12 ****',
    '13 J="*',
  ])
})

test.each([
  ['A="x', 'close it with "'],
  ['A="x" y', 'put the whole value in one pair of quotes, of another kind'],
  ['A="{\\"k\\": 1}"', "write the value between ' and ', without the backslash"],
  ['A="it\'s \\"k\\""', 'write the value between ` and `, without the backslash'],
  ['A=a#b', 'put the value in quotes, or write a blank before the # of a comment'],
])('the hint says how to write it: %j', (text, hint) => {
  expect(checkEnvironmentFile(text, '.env')).toMatchObject([{ severity: 'error', hint }])
})

describe('what passes is what dotenv reads', () => {
  const key = fc.stringMatching(/^[A-Z][A-Za-z0-9_.-]{0,5}$/)
  const value = fc.constantFrom(
    '1',
    '',
    '"x y"',
    "'x'",
    '"a\nB=2"',
    '`q\n\n`',
    'a b',
    "it's",
    'x" y',
    '"C:\\\\"',
    '# why',
    '=',
  )
  const equals = fc.constantFrom('=', ' = ', ': ')
  const assignment = fc
    .tuple(fc.constantFrom('', 'export ', '  '), key, equals, value)
    .map(([before, name, sign, text]) => ({ name, text: `${before}${name}${sign}${text}` }))
  const nothing = fc.constantFrom('', '# A=1', "# it's", ' \t').map((text) => ({ name: undefined, text }))
  const statements = fc.array(fc.oneof(assignment, nothing), { maxLength: 8 })

  test('every name, none skipped', () => {
    fc.assert(
      fc.property(statements, fc.constantFrom('\n', '\r\n'), (all, eol) => {
        const text = all.map((each) => each.text).join(eol)
        expect(faults(text)).toEqual([])
        const names = new Set(all.flatMap(({ name }) => name ?? []))
        expect(new Set(Object.keys(parse(text)))).toEqual(names)
      }),
    )
  })

  test('and one bad line between good ones is the only error', () => {
    fc.assert(
      fc.property(
        statements,
        statements,
        fc.constantFrom('bad name=1', 'junk', 'A:1', '=1'),
        (before, after, bad) => {
          const text = [...before, { text: bad }, ...after].map((each) => each.text).join('\n')
          expect(faults(text).map((fault) => fault.replace(/^\d+:/, ''))).toEqual(['1 this is no assignment'])
        },
      ),
    )
  })
})
