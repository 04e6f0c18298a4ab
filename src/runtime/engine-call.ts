import { execa } from 'execa'
import { TwRunError } from '../core/error.ts'
import { printable } from '../core/printable.ts'
import { wordSh } from '../core/quote-sh.ts'
import { signalTree } from './signal.ts'
import { failedWith } from './system-error.ts'

/** What became of a call of an engine's own command. */
export interface Called {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CallOptions {
  /** What it reads from stdin: nothing secret ever stands in its arguments. */
  readonly input?: string
  /** ms until it is ended; the error then says that there was no answer. */
  readonly limitMs?: number
}

/** ms in which a daemon or an API server answers, or is taken for frozen. */
const ANSWERS_WITHIN_MS = 20_000

/**
 * Calls the command of an engine, found on the PATH, and returns what it said whatever its exit code. Errors:
 * TwRunError 1 if there is no such command, or if it does not answer in time.
 */
export async function callEngine(
  file: string,
  args: readonly string[],
  { input = '', limitMs = ANSWERS_WITHIN_MS }: CallOptions = {},
): Promise<Called> {
  const child = execa(file, args, {
    input,
    reject: false,
    cleanup: false,
    stripFinalNewline: false,
    env: { LC_ALL: 'C' },
  })
  let timer: NodeJS.Timeout | undefined
  const frozen = new Promise<'frozen'>((resolve) => (timer = setTimeout(() => resolve('frozen'), limitMs)))
  const first = await Promise.race([child, frozen])
  clearTimeout(timer)
  if (first === 'frozen') {
    if (child.pid !== undefined) await signalTree(child.pid, 'SIGKILL')
    throw new TwRunError(
      `time-out: "${file} ${shownWords(args)}" did not answer within ${limitMs / 1000} s`,
      { exitCode: 1, hint: `see whether it answers you: ${ASK[file] ?? file}` },
    )
  }
  if (failedWith(first.cause, 'ENOENT')) throw commandMissing(file)
  if (first.exitCode === undefined) {
    const why = first.signal === undefined ? String(first.originalMessage) : `it was ended by ${first.signal}`
    throw new TwRunError(`cannot run ${file}: ${why}`, { exitCode: 1 })
  }
  return { code: first.exitCode, stdout: first.stdout, stderr: first.stderr }
}

/**
 * What a command that succeeded has printed, which is JSON of this kind. Errors: TwRunError 1 if it is not, as where
 * another program has the name of the command.
 */
export function jsonOf<T>(
  file: string,
  args: readonly string[],
  stdout: string,
  isKind: (value: unknown) => value is T,
): T {
  const value = parseJson(stdout)
  if (isKind(value)) return value
  const what = value === undefined ? 'no JSON' : 'JSON of another kind'
  const said = stdout.trim()
  const most = /^[[{]/.test(said) ? LONGEST_OF_JSON : LONGEST_SHOWN
  const cut = said.length > most ? `${said.slice(0, most)}...` : said
  throw new TwRunError(
    `${file} ${shownWords(args)} printed ${what}: ${cut === '' ? 'nothing at all' : printable(cut)}`,
    { exitCode: 1, hint: `see what it prints: ${[file, ...args.map(wordSh)].join(' ')}` },
  )
}

/** Undefined if it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whoever asked says what that means.
    return undefined
  }
}

/** How much is shown of what should have been JSON, characters. */
const LONGEST_SHOWN = 60
/** Of what was going to be JSON and breaks off: further on there may be values of the environment. */
const LONGEST_OF_JSON = 12

const ASK: Readonly<Record<string, string>> = { docker: 'docker info', kubectl: 'kubectl version' }

export function commandMissing(file: string): TwRunError {
  return new TwRunError(`there is no command "${file}" on the PATH`, {
    exitCode: 1,
    hint:
      file === 'docker'
        ? 'install it, such as with: apt-get install docker.io'
        : 'install it, such as from https://kubernetes.io/docs/tasks/tools/',
  })
}

/** The verb and what it is about, without options. */
function shownWords(args: readonly string[]): string {
  const words: string[] = []
  for (const [index, word] of args.entries()) {
    const isValue = args[index - 1]?.startsWith('-') === true && !(args[index - 1] ?? '').includes('=')
    if (!word.startsWith('-') && !isValue) words.push(word)
  }
  return printable(words.slice(0, 3).join(' '))
}

/** The first line that says something, without what every line of the command begins with. */
export function firstWords(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(warning:|[EIW]\d{4} |image .* could not be accessed)/i.test(line))
  const line = lines.find((one) => /error|forbidden|unable|cannot|denied/i.test(one)) ?? lines[0] ?? ''
  return printable(line.replace(/^(error: |Error: )+/, ''))
}
