import type { Exit } from './process.ts'

/** POSIX's numbers on Linux and macOS for the signals on which both agree, and Linux's for the rest. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  5: 'SIGTRAP',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  10: 'SIGUSR1',
  11: 'SIGSEGV',
  12: 'SIGUSR2',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  16: 'SIGSTKFLT',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  26: 'SIGVTALRM',
  27: 'SIGPROF',
  29: 'SIGIO',
  30: 'SIGPWR',
  31: 'SIGSYS',
}

const NUMBERS = new Map(Object.entries(SIGNALS).map(([number, name]) => [name, Number(number)]))

/** Whether a text is the name of a signal that can be sent. */
export function isSignalName(text: string): boolean {
  return NUMBERS.has(text)
}

/**
 * A shell's `$?` as an exit. A shell reports death by signal n as 128 + n, and so does a program that
 * exits with that number itself: the two cannot be told apart from here, and mean the same to a script.
 */
export function exitFromStatus(status: number): Exit {
  const signal = SIGNALS[status - 128]
  return signal === undefined ? { kind: 'code', code: status } : { kind: 'signal', signal }
}

/** The exit code that tw-run ends with for a process that ended so: 0 to 255. */
export function exitCodeOf(exit: Exit): number {
  switch (exit.kind) {
    case 'code':
      return exit.code
    case 'signal':
      return 128 + (NUMBERS.get(exit.signal) ?? 0)
    case 'lost':
    case 'unstarted':
    case 'unhealthy':
      return 1
  }
}

/** 128 + the number of the signal, as shells report it. */
export function exitCodeOfSignal(signal: string): number {
  return exitCodeOf({ kind: 'signal', signal })
}

export function isFailure(exit: Exit): boolean {
  return !(exit.kind === 'code' && exit.code === 0)
}

/** For a person: what comes after "web.1 ...". */
export function describeExit(exit: Exit): string {
  switch (exit.kind) {
    case 'code':
      return exit.code === 0 ? 'ended (exit code 0)' : `exited with code ${exit.code}${hint(exit.code)}`
    case 'signal':
      return `was ended by ${exit.signal}`
    case 'lost':
      return exit.why === 'reboot'
        ? 'ended with the machine or container it ran on'
        : 'ended, and its exit code is unknown: its shim was killed'
    case 'unstarted':
      return `could not start: ${exit.message}`
    case 'unhealthy':
      return `was stopped, since it is not alive any more (${exit.why})`
  }
}

function hint(code: number): string {
  if (code === 127) return ' (command not found)'
  if (code === 126) return ' (command is not executable)'
  return ''
}
