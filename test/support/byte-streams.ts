const MIB = 1024 * 1024

const endings = {
  a: (number: number) => 'é日本😀'.repeat(number % 9),
  b: (number: number) => `${'~'.repeat(number % 97)}€`,
  // No UTF-8, NUL, a carriage return, an escape code, what JSON escapes, and now and then a plain line.
  c: (number: number) =>
    number % 3 === 0 ? 'plain "quoted" \\' : `\u00ff\u0000\u00c3(\r\u001b[31mred\u001b[0m"\\\t`,
  d: (number: number) => 'x'.repeat(number % 61),
}

/** Long lines of d: exactly as long as a line may be, and a little longer, of characters of three bytes. */
function longLine(number: number): string | undefined {
  const head = `d ${number} `
  if (number === 1000) return head + 'y'.repeat(MIB - head.length)
  if (number === 2000) return head + '日'.repeat(Math.ceil((MIB + 5000) / 3))
  return undefined
}

/** All that one of four processes writes, the same whenever it is asked for; b ends without a newline. */
export function streamOf(name: keyof typeof endings, lines: number): Buffer {
  const encoding = name === 'c' ? 'latin1' : 'utf8'
  const parts: string[] = []
  for (let number = 1; number <= lines; number += 1)
    parts.push((name === 'd' && longLine(number)) || `${name} ${number} ${endings[name](number)}`)
  return Buffer.from(parts.join('\n') + (name === 'b' ? '' : '\n'), encoding)
}
