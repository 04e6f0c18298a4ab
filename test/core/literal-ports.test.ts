import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const TESTS = fileURLToPath(new URL('..', import.meta.url))
/** Those that start processes, and what they use. */
const FOLDERS = /^(cli|runtime|examples|engines|support|planted|torture)\/.*\.(ts|js|py|sh)$/

/** As text a number of this size is a port; written as a number, and round, it may be a time or a size too. */
const PATTERNS = [
  /(?<![\w.])([12]\d|3[0-2])\d{3}(?![\d_])/,
  /(?<![\d_.])([12]\d|3[0-2])_(?![05]00\b)\d{3}(?![\d_])/,
  /(?<![\d_.])([12][^05]|3[12])_\d{3}(?![\d_])/,
  /(\W-p|--port|--router)[\s'"`,=]+[1-9]\d{3,4}\b/,
  /\b(listen|connect|port|ports\w+)['"]?[(:=]\s*[1-9]\d_\d{3}\b/i,
  /\b(listen|connect)\(['"]?[1-9]\d{3,4}\b/,
]

/** What is no port that a test listens on. */
const OTHERS = [
  ['support/ports.ts', ''],
  ['torture/run.js', "port: { type: 'string', default:"],
  ['support/awkward.ts', 'SEED = 20_261'],
  ['cli/with-ports.test.ts', 'is not a range of ports such as 20000-31999'],
  ['cli/control-clients.test.ts', 'repeat(10_001)'],
  ['cli/check.test.ts', 'ports that do not exist'],
] as const

function literalPorts(name: string, text: string): string[] {
  const others = OTHERS.filter(([file]) => file === name).map(([, said]) => said)
  return text.split('\n').flatMap((line, index) => {
    const isOne =
      PATTERNS.some((pattern) => pattern.test(line)) && !others.some((said) => line.includes(said))
    return isOne ? [`${name}:${index + 1}: ${line.trim()}`] : []
  })
}

test('ports of tests come from test/support/ports.ts, so that no two tests have the same at once', () => {
  const names = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).filter((name) => FOLDERS.test(name))
  expect(names.length).toBeGreaterThan(100)
  expect(names.flatMap((name) => literalPorts(name, readFileSync(`${TESTS}/${name}`, 'utf8')))).toEqual([])
})

test.each([
  "const PORT = ['-p', '22000', '-t', '1']",
  "app.start(['-p', '7300'])",
  'node "$BIN" start -p 30800 -t 1',
  "'.env': 'PORT=29400'",
  'server.listen(8080)',
  'server.listen(25_000)',
  'startExample(app, { port: 25_000, webs: 3 })',
  'let nextPort = 22_700',
  'const base = 31_000 + 300 * index',
  'expect(output).toMatch(/web\\.1 on 22000/)',
])('%s would be found', (line) => {
  expect(literalPorts('cli/x.test.ts', line)).toEqual([`cli/x.test.ts:1: ${line}`])
})

test.each(['timeout: 20_000', 'x.repeat(25_000)', 'toBeLessThan(30_000)', 'const limit = 65_536'])(
  '%s is none',
  (line) => {
    expect(literalPorts('cli/x.test.ts', line)).toEqual([])
  },
)
