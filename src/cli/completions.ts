interface Completed {
  readonly name: string
  readonly options: readonly string[]
}

/** Commands that take process types, and those that also take single processes. */
const TAKES_TYPES = new Set(['start', 'check', 'ports', 'run'])
const TAKES_PROCESSES = new Set(['restart', 'stop', 'logs', 'env'])

/** What may come after these words: commands, options, types, running processes. */
export async function completions(
  words: readonly string[],
  commands: readonly Completed[],
): Promise<string[]> {
  const [name] = words
  const command = commands.find((one) => one.name === name)
  if (command === undefined) return commands.map((one) => one.name)
  if (name === 'completion') return ['bash', 'zsh', 'fish']
  return [...(await operands(command.name)), ...command.options]
}

async function operands(name: string): Promise<string[]> {
  const isOfProcesses = TAKES_PROCESSES.has(name)
  if (!isOfProcesses && !TAKES_TYPES.has(name) && name !== 'scale') return []
  const types = await typesHere()
  if (name === 'scale') return types.flatMap((type) => [`${type}=`, `${type}+1`, `${type}-1`])
  return isOfProcesses ? [...types, ...(await processesHere())] : types
}

async function typesHere(): Promise<string[]> {
  try {
    const { loadApp } = await import('../runtime/load.ts')
    return loadApp({}, process.env).types.map(({ name }) => name)
  } catch {
    // A person who presses Tab wants no error.
    return []
  }
}

async function processesHere(): Promise<string[]> {
  const { findState, rowsOf, view } = await import('../runtime/observer.ts')
  return rowsOf(view(findState({}))).map(({ process }) => process)
}
