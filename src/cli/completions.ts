import type { Command, Option } from 'commander'
import { ENGINES } from '../core/engine-name.ts'
import { isStage } from '../core/names.ts'
import type { Flags } from '../core/settings.ts'
import { FORMATS } from '../exporters/index.ts'

/** What an option's value may be, where that can be known. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  '--restart': ['no', 'on-failure', 'always'],
  '--log-format': ['pretty', 'plain', 'json'],
  '--env-precedence': ['shell', 'file'],
  '--engine': ENGINES,
}

const TYPES = new Set(['--except', '--keep'])
const COUNTS = new Set(['--formation', '--concurrency', '--max'])

/**
 * What the last of these words may become, the name of the program being the first. Empty where only the person
 * knows, such as a file.
 */
export async function completions(program: Command, words: readonly string[]): Promise<string[]> {
  const typed = words.slice(1, -1)
  const current = words.at(-1) ?? ''
  const candidates = await candidatesFor(program, typed, current)
  return [...new Set(candidates)].filter((word) => word.startsWith(current) && word !== current)
}

async function candidatesFor(
  program: Command,
  [name, ...typed]: readonly string[],
  current: string,
): Promise<string[]> {
  const commands = visibleCommands(program)
  if (name === undefined) {
    return current.startsWith('-') ? optionsOf(program) : [...commands.flatMap(namesOf), 'help']
  }
  if (name === 'help') return typed.length === 0 ? commands.flatMap(namesOf) : []
  const command = commands.find((one) => namesOf(one).includes(name))
  if (command === undefined) return []
  const line = readLine(command, typed)
  const [option = '', begun] = splitOption(current)
  if (line.awaiting !== undefined) return valuesFor(line.awaiting, current, line.flags)
  // What follows the words of a one-off process, or --, is not ours.
  if (line.isClosed) return command.name() === 'run' ? [] : operandsFor(command.name(), line)
  if (begun !== undefined) {
    const values = await valuesFor(optionNamed(command, option), begun, line.flags)
    return values.map((value) => `${option}=${value}`)
  }
  if (current.startsWith('-')) return optionsOf(command).filter((long) => !line.options.has(long))
  const operands = await operandsFor(command.name(), line)
  return operands.length > 0 || current !== '' ? operands : optionsOf(command)
}

function visibleCommands(program: Command): Command[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .filter((one) => one.name() !== 'help')
}

function namesOf(command: Command): string[] {
  return [command.name(), ...command.aliases()]
}

function optionsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? [])
}

function optionNamed(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, short }) => long === word || short === word)
}

/** `--formation=web=3` in its two parts. */
function splitOption(word: string): [string] | [string, string] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

/** What a command line says up to the cursor. */
interface Line {
  readonly flags: Flags
  readonly operands: readonly string[]
  /** The long names of those that were given. */
  readonly options: ReadonlySet<string>
  /** The option whose value comes next. */
  readonly awaiting: Option | undefined
  /** No option can come any more. */
  readonly isClosed: boolean
}

function readLine(command: Command, words: readonly string[]): Line {
  const given = new Map<string, string>()
  const options = new Set<string>()
  const operands: string[] = []
  let awaiting: Option | undefined
  let isClosed = false
  for (const word of words) {
    const [name, value] = splitOption(word)
    const option = isClosed ? undefined : optionNamed(command, name)
    if (awaiting !== undefined) {
      given.set(awaiting.attributeName(), word)
      awaiting = undefined
    } else if (option !== undefined) {
      options.add(option.long ?? '')
      if (value !== undefined) given.set(option.attributeName(), value)
      else if (option.required) awaiting = option
    } else if (word === '--' && !isClosed) isClosed = true
    else if (isClosed || !word.startsWith('-')) {
      operands.push(word)
      if (command.name() === 'run') isClosed = true
    }
  }
  return { flags: placeIn(given), operands, options, awaiting, isClosed }
}

/** Only what says where the app and its state are, and how many there are. */
function placeIn(given: ReadonlyMap<string, string>): Flags {
  const names = ['root', 'procfile', 'stateDir', 'formation'] as const
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = given.get(name)
      return value === undefined ? [] : [[name, value.replace(/^~(?=\/)/, process.env['HOME'] ?? '~')]]
    }),
  )
}

async function valuesFor(option: Option | undefined, current: string, flags: Flags): Promise<string[]> {
  const long = option?.long ?? ''
  if (TYPES.has(long)) return listed(current, await typesHere(flags))
  if (COUNTS.has(long)) {
    const types = await typesHere(flags)
    return listed(
      current,
      [...types, 'all'].map((type) => `${type}=`),
    )
  }
  return [...(VALUES[long] ?? [])]
}

/** The next one of a list with commas, behind those that it has. */
function listed(current: string, words: readonly string[]): string[] {
  const before = current.slice(0, current.lastIndexOf(',') + 1)
  const taken = before.split(',').map((word) => word.replace(/=.*/, '='))
  return words.filter((word) => !taken.includes(word)).map((word) => `${before}${word}`)
}

async function operandsFor(name: string, { flags, operands }: Line): Promise<string[]> {
  switch (name) {
    case 'completion':
      return operands.length === 0 ? ['bash', 'zsh', 'fish'] : []
    case 'export':
      return operands.length === 0 ? [...FORMATS.keys()] : []
    case 'run':
      return operands.length === 0 ? typesHere(flags, true) : []
    case 'env':
      return operands.length === 0 ? planHere(flags) : []
    case 'start':
    case 'check':
    case 'ports':
      return without(operands, await typesHere(flags))
    case 'scale':
      return (await typesHere(flags))
        .filter((type) => !operands.some((word) => word.replace(/[=+-]\d*$/, '') === type))
        .flatMap((type) => [`${type}=`, `${type}+1`, `${type}-1`])
    case 'restart':
    case 'stop':
    case 'logs': {
      const running = await processesHere(flags, name === 'logs')
      const types = running.map((id) => id.slice(0, id.lastIndexOf('.')))
      return without(operands, [...types, ...running])
    }
    default:
      return []
  }
}

function without(given: readonly string[], words: readonly string[]): string[] {
  return words.filter((word) => !given.includes(word))
}

/** A person who presses Tab wants no error. */
async function orNone<T>(find: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await find()
  } catch {
    return []
  }
}

async function typesHere(flags: Flags, withStages = false): Promise<string[]> {
  const { loadApp } = await import('../runtime/load.ts')
  const { formation: _, ...place } = flags
  const types = await orNone(async () => loadApp(place, process.env).types)
  return types.map(({ name }) => name).filter((name) => withStages || !isStage(name))
}

/** The processes that the Procfile and the options would run. */
async function planHere(flags: Flags): Promise<string[]> {
  const { loadApp } = await import('../runtime/load.ts')
  const plan = await orNone(async () => loadApp(flags, process.env).plan)
  return plan.map(({ id }) => id)
}

/** The processes that run here; also those that have written something, which may be over. */
async function processesHere(flags: Flags, alsoOver: boolean): Promise<string[]> {
  const { findState, rowsOf, view } = await import('../runtime/observer.ts')
  const { knownProcesses } = await import('../runtime/run-directory.ts')
  const found = await orNone(async () => {
    const state = findState(flags)
    const rows = rowsOf(view(state)).map(({ process: id }) => id)
    return alsoOver ? [...rows, ...knownProcesses(state)] : rows
  })
  return [...found]
}
