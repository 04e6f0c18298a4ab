// What four processes write, the same whenever it is asked for, and the program that writes it:
// node byte-streams.js <a | b | c | d> <lines> <file made when all is written>
import { writeFileSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const MIB = 1024 * 1024
/** A prime, so that writes end within lines and within characters. */
const WRITE = 4093

const endings = {
  a: (number) => 'é日本😀'.repeat(number % 9),
  b: (number) => `${'~'.repeat(number % 97)}€`,
  // No UTF-8, NUL, a carriage return, an escape code, what JSON escapes, and now and then a plain line.
  c: (number) =>
    number % 3 === 0 ? 'plain "quoted" \\' : `\u00ff\u0000\u00c3(\r\u001b[31mred\u001b[0m"\\\t`,
  d: (number) => 'x'.repeat(number % 61),
}

/** Long lines of d: exactly as long as a line may be, and a little longer, of characters of three bytes. */
function longLine(number) {
  const head = `d ${number} `
  if (number === 1000) return head + 'y'.repeat(MIB - head.length)
  if (number === 2000) return head + '日'.repeat(Math.ceil((MIB + 5000) / 3))
  return undefined
}

/** All that one of them writes; b ends without a newline. */
export function streamOf(name, lines) {
  const encoding = name === 'c' ? 'latin1' : 'utf8'
  const parts = []
  for (let number = 1; number <= lines; number += 1)
    parts.push((name === 'd' && longLine(number)) || `${name} ${number} ${endings[name](number)}`)
  return Buffer.from(parts.join('\n') + (name === 'b' ? '' : '\n'), encoding)
}

function main([name, lines, file]) {
  const bytes = streamOf(name, Number(lines))
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at, Math.min(WRITE, bytes.length - at))
  writeFileSync(file, '')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2))
