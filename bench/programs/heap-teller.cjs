// Writes how much of V8's heap its program uses into the file that BENCH_HEAP names, in bytes, once a second: the least
// of the last readings, since between two collections it is mostly garbage. node --require heap-teller.cjs ...
const { writeFileSync } = require('node:fs')

const READINGS = 30
const readings = []

setInterval(() => {
  readings.push(process.memoryUsage().heapUsed)
  if (readings.length > READINGS) readings.shift()
  writeFileSync(process.env.BENCH_HEAP, String(Math.min(...readings)))
}, 1_000).unref()
