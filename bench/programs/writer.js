// One writer of the throughput figures: node writer.js <number> <writers> <lines> <folder> <linger ms | forever>
//
// Each line has 100 bytes with its newline: who wrote it, its sequence number and a fixed tail, so that the
// reader can tell a lost, a torn and a doubled line apart. Lines are prepared in a block whose length is a
// multiple of 64 KiB and of a line; only the numbers are patched, so that this program is no bottleneck.
// Writes are cut at 64 KiB and not at a line's end, as buffered output of a real program is.
import { existsSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { LINE_BYTES, NUMBER_AT, NUMBER_DIGITS, payload } from '../lib/payload.js'

const [number, writers, lines, folder, linger] = process.argv.slice(2)
const total = Number(lines)
const CHUNK = 65_536
const BLOCK_LINES = 16_384

const block = Buffer.from(`${payload(Number(number), 0)}\n`.repeat(BLOCK_LINES), 'latin1')

function sleepMs(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Writes `value` in decimal digits at `at` of the block. */
function patch(at, value) {
  for (let i = at + NUMBER_DIGITS - 1; i >= at; i -= 1) {
    block[i] = 48 + (value % 10)
    value = Math.floor(value / 10)
  }
}

function writeAll(end) {
  for (let at = 0; at < end;) {
    try {
      at += writeSync(1, block, at, Math.min(CHUNK, end - at))
    } catch (error) {
      // Some managers leave the pipe non-blocking for both ends.
      if (error.code !== 'EAGAIN') throw error
      sleepMs(1)
    }
  }
}

// All writers begin together: starting eight Node processes takes longer than some managers need for the lines.
writeFileSync(join(folder, `ready-${number}`), '')
for (let i = 0; i < Number(writers); i += 1) while (!existsSync(join(folder, `ready-${i}`))) sleepMs(1)

const begin = process.hrtime.bigint()
for (let first = 0; first < total; first += BLOCK_LINES) {
  const count = Math.min(BLOCK_LINES, total - first)
  for (let i = 0; i < count; i += 1) patch(i * LINE_BYTES + NUMBER_AT, first + i)
  writeAll(count * LINE_BYTES)
}
const end = process.hrtime.bigint()
// The clock is CLOCK_MONOTONIC, the same one that the harness reads.
writeFileSync(
  join(folder, `report-${number}.json`),
  JSON.stringify({ begin: String(begin), end: String(end) }),
)

// Lingering keeps the manager alive while the harness reads its CPU time; 'forever' is for the managers that
// end everything when the first process ends, which would cut the other writers short.
setTimeout(() => {}, linger === 'forever' ? 2 ** 31 - 1 : Number(linger))
