// Floor: the least a Node program must do to merge whole, prefixed, timestamped lines over pipes.
// node prefixer.js <file with one command a line>
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const commands = readFileSync(process.argv[2], 'utf8').trimEnd().split('\n')
for (const [index, command] of commands.entries()) {
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] })
  const name = `p.${index + 1}`.padEnd(8)
  let unfinished = ''
  child.stdout.setEncoding('latin1')
  child.stdout.on('data', (chunk) => {
    const text = unfinished + chunk
    const end = text.lastIndexOf('\n')
    unfinished = text.slice(end + 1)
    if (end === -1) return
    const prefix = `${new Date().toTimeString().slice(0, 8)} ${name} | `
    const lines = prefix + text.slice(0, end).replaceAll('\n', `\n${prefix}`) + '\n'
    if (process.stdout.write(lines, 'latin1')) return
    child.stdout.pause()
    process.stdout.once('drain', () => child.stdout.resume())
  })
  child.stdout.on('end', () => {
    if (unfinished !== '') process.stdout.write(`${name} | ${unfinished}\n`, 'latin1')
  })
}
process.stdout.setMaxListeners(0)
