/**
 * Every step of a start and of a stop that can be seen from outside, in order. A test names one in
 * TW_RUN_CRASH_AT and the supervisor dies there as by `kill -9`; every one of them must recover.
 */
export const CRASH_POINTS = [
  'lock:held',
  'session:written',
  'start:directory-made',
  'start:prepared',
  'start:named',
  'start:scratch-made',
  'start:lifeline-opened',
  'start:spawned',
  'start:closed',
  'start:all',
  'ready:spawned',
  'ready:told',
  'command:written',
  'ending:written',
  'stop:intended',
  'stop:signalled',
  'stop:told',
  'kill:marked',
  'kill:sent',
  'end:seen',
  'sweep:looked',
  'sweep:marked',
  'sweep:told',
  'sweep:killed',
  'finish:recorded',
  'finish:scratch-removed',
  'shown:written',
  'shown:recorded',
  'session:over',
] as const

export type CrashPoint = (typeof CRASH_POINTS)[number]

const [wanted, nth = '1'] = (process.env['TW_RUN_CRASH_AT'] ?? '').split('#')
let passes = 0

/** Dies here if a test asked for it (`name`, or `name#3` for the third time it comes by). */
export function crashPoint(name: CrashPoint): void {
  if (name !== wanted) return
  passes += 1
  if (passes === Number(nth)) process.kill(process.pid, 'SIGKILL')
}
