import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

// Disk is a brief cache: what is written to TMPDIR belongs to this process, and is gone when it is.
const note = join(process.env.TMPDIR ?? '/tmp', 'note')

let jobs = 0
const timer = setInterval(() => {
  jobs += 1
  writeFileSync(note, `${jobs}\n`)
  console.log(`did job ${jobs}`)
}, 1000)

console.log('waiting for jobs')

process.on('SIGTERM', () => {
  console.log('putting the job back')
  clearInterval(timer)
})
