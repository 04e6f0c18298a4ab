import { describe, expect, test } from 'vitest'
import { describeExit, exitCodeOf, exitCodeOfSignal, exitFromStatus, isFailure } from '../../src/core/exit.ts'
import type { Exit } from '../../src/core/process.ts'

const STATUSES = Array.from({ length: 256 }, (_, status) => status)

describe('a status', () => {
  test('of 0 to 255 passes through to the exit code unchanged', () => {
    expect(STATUSES.map((status) => exitCodeOf(exitFromStatus(status)))).toEqual(STATUSES)
  })

  test('up to 128 is a code, and above 159 too: no signal has such a number', () => {
    for (const status of STATUSES.filter((one) => one <= 128 || one > 159))
      expect(exitFromStatus(status)).toEqual({ kind: 'code', code: status })
  })

  test.each([
    [129, 'SIGHUP'],
    [130, 'SIGINT'],
    [131, 'SIGQUIT'],
    [132, 'SIGILL'],
    [134, 'SIGABRT'],
    [136, 'SIGFPE'],
    [137, 'SIGKILL'],
    [138, 'SIGUSR1'],
    [139, 'SIGSEGV'],
    [140, 'SIGUSR2'],
    [141, 'SIGPIPE'],
    [142, 'SIGALRM'],
    [143, 'SIGTERM'],
  ])('of %i is death by %s', (status, signal) => {
    expect(exitFromStatus(status)).toEqual({ kind: 'signal', signal })
    expect(exitCodeOfSignal(signal)).toBe(status)
  })

  test('only of 0 is no failure', () => {
    expect(STATUSES.filter((status) => !isFailure(exitFromStatus(status)))).toEqual([0])
  })
})

describe('what nobody saw, or never ran, is a failure with code 1', () => {
  test.each<Exit>([
    { kind: 'lost', why: 'shim' },
    { kind: 'lost', why: 'reboot' },
    { kind: 'unstarted', message: 'x', again: true },
    { kind: 'unstarted', message: 'x', again: false },
  ])('%o', (exit) => {
    expect(exitCodeOf(exit)).toBe(1)
    expect(isFailure(exit)).toBe(true)
  })
})

describe('a person is told how it ended', () => {
  test.each<[Exit, string]>([
    [{ kind: 'code', code: 0 }, 'ended (exit code 0)'],
    [{ kind: 'code', code: 7 }, 'exited with code 7'],
    [{ kind: 'code', code: 126 }, 'exited with code 126 (command is not executable)'],
    [{ kind: 'code', code: 127 }, 'exited with code 127 (command not found)'],
    [{ kind: 'signal', signal: 'SIGSEGV' }, 'was ended by SIGSEGV'],
    [{ kind: 'lost', why: 'reboot' }, 'ended with the machine or container it ran on'],
    [{ kind: 'lost', why: 'shim' }, 'ended, and its exit code is unknown: its shim was killed'],
    [
      { kind: 'unstarted', message: 'the folder is gone', again: false },
      'could not start: the folder is gone',
    ],
  ])('%o', (exit, text) => {
    expect(describeExit(exit)).toBe(text)
  })
})
