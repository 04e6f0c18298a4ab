// The work that every tool is given: entries of a name, a shell command and how many copies of it.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const WRITER = join(import.meta.dirname, '..', 'programs', 'writer.js')
/** What an idle process prints when it is up. Lines are matched by their end: some tools echo the command. */
export const MARKER = 'bench-up'
// An unusual number, so that the app's processes are told from a manager's own sleeps.
const IDLE_SECONDS = '86413'

/** `count` copies of a process that prints MARKER and then does nothing. */
export function idleApp(count) {
  return {
    entries: [{ name: 'p', command: `echo ${MARKER}; exec sleep ${IDLE_SECONDS}`, count }],
    isAppProcess: (argv) => argv[0] === 'sleep' && argv[1] === IDLE_SECONDS,
  }
}

const SPEAKER = join(import.meta.dirname, '..', 'programs', 'speaker.sh')
const PAUSE_SECONDS = '0.1'

/** `count` copies of a process that prints MARKER, and then a line ten times a second. */
export function speakingApp(count) {
  return {
    entries: [{ name: 'p', command: `exec sh ${SPEAKER} ${MARKER} ${PAUSE_SECONDS}`, count }],
    isAppProcess: (argv) => argv[1] === SPEAKER || (argv[0] === 'sleep' && argv[1] === PAUSE_SECONDS),
  }
}

/** As idleApp, but of a name of which it is expected that they listen on their ports. */
export function unheardApp(count) {
  const { entries, ...app } = idleApp(count)
  return { ...app, entries: entries.map((entry) => ({ ...entry, name: 'web' })) }
}

/** The same as idleApp, each one program that a shell has nothing to do for but to execute it: it waits for who never writes. */
export function programApp(count, dir) {
  const [marker, fifo] = ['marker', 'nobody'].map((name) => join(dir, name))
  writeFileSync(marker, `${MARKER}\n`)
  execFileSync('mkfifo', [fifo])
  return {
    entries: [{ name: 'p', command: `cat ${marker} ${fifo}`, count }],
    isAppProcess: (argv) => argv[0] === 'cat' && argv[1] === marker,
  }
}

/** As idleApp, but they ignore what asks them to end; `graceSeconds` is what a tool is told to give them. */
export function deafApp(count, graceSeconds) {
  const command = `trap '' TERM INT HUP; echo ${MARKER}; exec sleep ${IDLE_SECONDS}`
  return { ...idleApp(count), entries: [{ name: 'p', command, count }], graceSeconds }
}

/** As idleApp, but the first act of each process is to write its pid into the FIFO `fifo`; it prints nothing. */
export function reportingApp(count, fifo) {
  const command = `echo $$ >${fifo}; exec sleep ${IDLE_SECONDS}`
  return { ...idleApp(count), entries: [{ name: 'p', command, count }] }
}

/**
 * `writers` processes that write `lines` lines each. Each is a type of its own, since each has a number.
 * `linger` is how long, in ms, a writer stays when it has written, or 'forever'.
 */
export function writersApp({ writers, lines, linger, dir }) {
  const numbers = Array.from({ length: writers }, (_, i) => i)
  return {
    entries: numbers.map((i) => ({
      name: `w${i}`,
      command: `exec ${process.execPath} ${WRITER} ${i} ${writers} ${lines} ${dir} ${linger}`,
      count: 1,
    })),
    isAppProcess: (argv) => argv[1] === WRITER,
    ends: linger !== 'forever',
    /** A writer leaves its times there when it has written everything. */
    reports: numbers.map((i) => join(dir, `report-${i}.json`)),
  }
}

/** One entry a process, with names of their own: for tools that know no copies. */
export function eachProcess(app) {
  return app.entries.flatMap(({ name, command, count }) =>
    Array.from({ length: count }, (_, i) => ({ name: count === 1 ? name : `${name}${i + 1}`, command })),
  )
}

export const procfile = (app) => app.entries.map(({ name, command }) => `${name}: ${command}\n`).join('')

export const formation = (app) => app.entries.map(({ name, count }) => `${name}=${count}`).join(',')
