import { loadChunks } from '../runtime/chunks.ts'

// Node looks for this file, reads it and compiles it anew each time: it loads the rest, and does nothing else. What
// loads it for the sake of what it exports starts nothing.
const program = process.mainModule
if (program?.filename === import.meta.filename) {
  loadChunks(program, process.argv[2] ?? '')
  void begin(process.argv.slice(2))
}

async function begin(words: readonly string[]): Promise<void> {
  const { commandLine } = await import('./command-line.ts')
  return commandLine(words)
}
