import { appendFileSync, mkdirSync, openSync } from 'node:fs'
import { serve } from './serve.js'

// Web and worker write their events into one file.
mkdirSync('data', { recursive: true })
const journal = openSync('data/events.log', 'a')
appendFileSync(journal, `begin ${process.env.PS}\n`)

if (process.env.PS.startsWith('web.')) serve(() => ({}))
else {
  setInterval(() => {}, 1000)
  process.on('SIGTERM', () => process.exit(0))
}
