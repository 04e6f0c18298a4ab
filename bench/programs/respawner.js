// Floor: the least a Node program must do to keep processes alive. node respawner.js <file with one command a line>
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const commands = readFileSync(process.argv[2], 'utf8').trimEnd().split('\n')
const children = []
let isEnding = false

function keep(command, index) {
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'inherit', 'inherit'] })
  children[index] = child
  child.once('exit', () => {
    if (!isEnding) keep(command, index)
  })
}

for (const [index, command] of commands.entries()) keep(command, index)
process.once('SIGINT', () => {
  isEnding = true
  // kill() leaves alone what has exited.
  for (const child of children) child.kill('SIGTERM')
})
