// What /proc says about the processes of one run. Linux only, as the benchmark is.
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** utime and stime are in ticks of this many milliseconds on every Linux that Node runs on. */
const TICK_MS = 10

function read(path) {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // The process ended between two looks, or is not ours to read.
    return ''
  }
}

/** Fields of /proc/<pid>/stat behind the name, which may itself contain blanks and parentheses. */
function stat(pid) {
  const text = read(`/proc/${pid}/stat`)
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Whether `mark` (NAME=value) is in the environment of this process. */
export const carriesMark = (pid, mark) => `\0${read(`/proc/${pid}/environ`)}`.includes(`\0${mark}`)

/**
 * The live processes that carry `mark` (NAME=value) in their environment, and the descendants of those:
 * a process may be started with an environment of its own. Zombies are left out.
 */
export function processesMarked(mark) {
  const entries = new Map()
  const children = new Map()
  const found = []
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) continue
    const fields = stat(pid)
    if (fields === undefined) continue
    const entry = { pid, ppid: Number(fields[1]), zombie: fields[0] === 'Z' || fields[0] === 'X' }
    entries.set(pid, entry)
    children.set(entry.ppid, [...(children.get(entry.ppid) ?? []), pid])
    if (carriesMark(pid, mark)) found.push(pid)
  }
  const ours = new Set(found)
  for (const pid of ours) for (const child of children.get(pid) ?? []) ours.add(child)
  return [...ours]
    .map((pid) => entries.get(pid))
    .filter((entry) => !entry.zombie)
    .map((entry) => ({ ...entry, argv: read(`/proc/${entry.pid}/cmdline`).replace(/\0$/, '').split('\0') }))
}

/** CPU milliseconds that the process itself has used: nanosecond figures of its threads where there are any. */
export function cpuMs(pid) {
  const fields = stat(pid)
  if (fields === undefined) return 0
  const ticks = (Number(fields[11]) + Number(fields[12])) * TICK_MS
  let threads = 0
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      threads += Number(read(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0]) / 1e6
    }
  } catch {
    return ticks
  }
  // Ticks are coarse, but also hold the time of threads that have ended.
  return Math.max(ticks, threads)
}

/**
 * What these processes have used so far, thread by thread, for usedSince: the ticks of a process are too
 * coarse for an idle one. Without the kernel's schedstat: in ticks.
 */
export function cpuByThread(pids) {
  const used = new Map()
  for (const pid of pids) {
    const fields = stat(pid)
    if (fields === undefined) continue
    // Helpers that came and went, once their parent has waited for them.
    used.set(`${pid} children`, (Number(fields[13]) + Number(fields[14])) * TICK_MS)
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const text = read(`/proc/${pid}/task/${task}/schedstat`)
      if (text !== '') used.set(`${pid} ${task}`, Number(text.split(' ')[0]) / 1e6)
      else if (task === String(pid)) used.set(`${pid} ${task}`, cpuMs(pid))
    }
  }
  return used
}

/** Percent of one core that some processes take over so many ms; they are looked up again, since helpers may have come. */
export async function corePercent(pidsNow, ms) {
  const before = cpuByThread(pidsNow())
  const began = performance.now()
  await sleep(ms)
  return (usedSince(before, cpuByThread(pidsNow())) / (performance.now() - began)) * 100
}

/** CPU milliseconds between two calls of cpuByThread; a thread that ended in between is left out. */
export function usedSince(before, after) {
  let sum = 0
  for (const [name, ms] of after) sum += ms - (before.get(name) ?? 0)
  return sum
}

function kilobytes(text, ...keys) {
  let sum = 0
  for (const key of keys) sum += Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)
  return sum
}

/** Most memory that was ever resident, in MB. */
export const peakResidentMb = (pid) => kilobytes(read(`/proc/${pid}/status`), 'VmHWM') / 1024

/** Memory that would come back if this process alone ended, in MB. */
export const privateMb = (pid) =>
  kilobytes(read(`/proc/${pid}/smaps_rollup`), 'Private_Clean', 'Private_Dirty') / 1024

/** Signals one process that processesMarked has just named; one that is gone by now is no error. */
export function signal(pid, name) {
  if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid)
    throw new Error(`not a process to signal: ${pid}`)
  try {
    process.kill(pid, name)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}
