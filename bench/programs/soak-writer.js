// A writer of the soak: node soak-writer.js <number> <lines> <folder> <ms>: so many numbered lines, evenly over
// that time, then it stays. It leaves `report-<number>.json` in the folder when it has written all.
import { writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { payload } from '../lib/payload.js'

const [number, lines, folder, ms] = process.argv.slice(2).map((text, i) => (i === 2 ? text : Number(text)))
const EVERY_MS = 50
const MOST_AT_ONCE = 2_000

let written = 0
const begin = performance.now()
const timer = setInterval(() => {
  const due = Math.min(lines, Math.ceil((lines * (performance.now() - begin)) / ms))
  const until = Math.min(due, written + MOST_AT_ONCE)
  let text = ''
  for (; written < until; written += 1) text += `${payload(number, written)}\n`
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at)
  if (written < lines) return
  clearInterval(timer)
  writeFileSync(join(folder, `report-${number}.json`), '{}')
  setTimeout(() => {}, 2 ** 31 - 1)
}, EVERY_MS)
