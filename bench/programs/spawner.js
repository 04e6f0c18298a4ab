// Floor: what a bare Node process needs to start N processes. node spawner.js <file with one command a line>
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const commands = readFileSync(process.argv[2], 'utf8').trimEnd().split('\n')
const children = commands.map((command) =>
  spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'inherit', 'inherit'] }),
)
process.once('SIGINT', () => {
  for (const child of children) if (child.pid > 1) process.kill(child.pid, 'SIGTERM')
})
