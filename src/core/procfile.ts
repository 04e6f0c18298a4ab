import type { Diagnostic } from './diagnostic.ts'
import { EVERY_TYPE, MAX_TYPE_LENGTH } from './names.ts'
import { faultOf, type Fault } from './procfile-faults.ts'

/** An entry of a Procfile; the command is passed to the shell as it stands. */
export interface ProcessType {
  readonly name: string
  readonly command: string
  /** 1-based. */
  readonly line: number
}

const ENTRY = /^[ \t]*([A-Za-z0-9_-]+):[ \t]*([^]*)$/
const BINARY_SHARE = 0.1
const SAMPLE = 8192

/**
 * Reads a Procfile. `file` is its name in the diagnostics; `types` holds the entries that are sound, in file
 * order. Every line that is neither an entry, blank nor a comment is an error, and all are reported.
 */
export function parseProcfile(
  text: string,
  file: string,
): { types: ProcessType[]; diagnostics: Diagnostic[] } {
  if (isBinary(text)) return { types: [], diagnostics: [notText(file)] }
  const types = new Map<string, ProcessType>()
  const diagnostics: Diagnostic[] = []
  const lines = procfileLines(text)
  for (const [index, source] of lines.entries()) {
    const entry = readLine(source, { previous: lines[index - 1] ?? '', types })
    if (entry === undefined) continue
    if ('message' in entry) {
      const { offset, ...fault } = entry
      diagnostics.push({ severity: 'error', file, line: index + 1, column: offset + 1, source, ...fault })
    } else types.set(entry.name, { ...entry, line: index + 1 })
  }
  if (types.size === 0 && diagnostics.length === 0) diagnostics.push(nothingDeclared(file))
  return { types: [...types.values()], diagnostics }
}

/** The lines of a Procfile without byte order mark and line ends; line n is entry n - 1. */
export function procfileLines(text: string): string[] {
  return text.replace(/^\ufeff/, '').split(/\r?\n|\r$/)
}

/** Splits an entry into its parts; `offset` is where the name begins. Undefined if the line is no entry. */
export function splitEntry(source: string): { name: string; command: string; offset: number } | undefined {
  const [, name, command] = ENTRY.exec(source) ?? []
  if (name === undefined || command === undefined) return undefined
  return { name, command, offset: source.indexOf(name) }
}

interface Context {
  readonly previous: string
  readonly types: ReadonlyMap<string, ProcessType>
}

function readLine(
  source: string,
  { previous, types }: Context,
): { name: string; command: string } | Fault | undefined {
  if (/^[ \t]*(#|$)/.test(source)) return undefined
  const entry = splitEntry(source)
  const fault = faultOf(source, { previous, isEntry: entry !== undefined })
  if (fault !== undefined || entry === undefined) return fault
  const { name, command, offset } = entry
  const first = types.get(name)
  const wrong = nameFault(name, first?.line)
  if (wrong !== undefined) return { ...wrong, offset, length: name.length }
  if (command.trim() !== '') return { name, command }
  return {
    message: `"${name}" has no command`,
    hint: `write what to run after the colon: "${name}: <command>"`,
    offset,
    length: name.length + 1,
  }
}

function nameFault(
  name: string,
  firstLine: number | undefined,
): { message: string; hint: string } | undefined {
  if (name === EVERY_TYPE) {
    return {
      message: '"all" is reserved',
      hint: 'a formation says all=N for every type; choose another name',
    }
  }
  if (name.length > MAX_TYPE_LENGTH) {
    return {
      message: `the name is ${name.length} characters long`,
      hint: `choose one of at most ${MAX_TYPE_LENGTH}`,
    }
  }
  if (firstLine === undefined) return undefined
  return {
    message: `"${name}" is declared twice (first on line ${firstLine})`,
    hint: `rename or remove one; to run several of one type, use --formation ${name}=2`,
  }
}

/** Control characters but white space, and what stands for bytes that are no UTF-8. \p{Cc} takes 1 ms to compile. */
const ODD = /[^\x20-\x7e\s\u00a0-\ufffc\ufffe\uffff]/g

/** Whether the text, decoded as UTF-8, is no text at all: judged by its first 8,192 characters. */
function isBinary(text: string): boolean {
  const sample = text.slice(0, SAMPLE)
  const odd = sample.match(ODD)?.length ?? 0
  return odd > 8 && odd > sample.length * BINARY_SHARE
}

const START_OF_FILE = { severity: 'error', line: 1, column: 1, length: 1, source: '' } as const

function notText(file: string): Diagnostic {
  return {
    ...START_OF_FILE,
    file,
    message: 'this is a binary file, not a Procfile',
    hint: 'save it as plain UTF-8 text, one "<type>: <command>" a line',
  }
}

function nothingDeclared(file: string): Diagnostic {
  return {
    ...START_OF_FILE,
    file,
    message: 'no process type is declared here',
    hint: 'write one "<type>: <command>" a line, such as "web: node server.js"',
  }
}
