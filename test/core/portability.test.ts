import { expect, test } from 'vitest'
import { parseProcfile } from '../../src/core/procfile.ts'
import { portabilityNotes } from '../../src/core/portability.ts'

function notes(text: string): string[] {
  const { types } = parseProcfile(text, 'Procfile')
  return portabilityNotes(types, text, 'Procfile').map(
    ({ line, column, length, message }) => `${line}:${column}+${length} ${message}`,
  )
}

test.each([
  ['web: node server.js', []],
  ['\ufeffweb:npm start', ['1:4+1 hivemind and overmind skip "web" for want of a blank after the colon']],
  ['# x\nmy-web: a', ['2:1+6 heroku local rejects "my-web" for its hyphen']],
  [' web: a', ['1:1+1 foreman, honcho, hivemind and overmind skip a line that begins with a blank']],
  ['  web: a', ['1:1+2 foreman, honcho, hivemind and overmind skip a line that begins with a blank']],
  [
    'assets: rake assets:precompile',
    ['1:14+17 "assets:precompile" builds and ends, but "assets" is meant to keep running'],
  ],
  ['js: npx webpack', ['1:9+7 "webpack" builds and ends, but "js" is meant to keep running']],
  ['js: webpack --watch', []],
  ['js: webpack-dev-server', []],
  ['web: npm run build && npm start', []],
  ['build: webpack', []],
])('%j', (text, expected) => {
  expect(notes(text)).toEqual(expected)
})

test('each note says what would be right everywhere', () => {
  const text = '  my-web-1:a\n'
  const { types } = parseProcfile(text, 'Procfile')
  expect(portabilityNotes(types, text, 'Procfile').map(({ hint }) => hint)).toEqual([
    'begin the line with the name',
    'write "my-web-1: "',
    '"my_web_1" works everywhere',
  ])
})
