// tw-run as the history test asks it: commands that are done or cut off, and what they do to the wish.
import { setTimeout as sleep } from 'node:timers/promises'
import { partsOf, Wish } from './oracle.js'
import { TYPES, uptime } from './world.js'

/** The longest that a command may take, ms; a stop has the grace period and two sweeps to wait for. */
const COMMAND_WITHIN_MS = 15_000
/** A supervisor that finds nothing to revive has ended after so long, ms, on a busy machine. */
const REVIVED_IN_VAIN_MS = 10_000
/** The wait after the second end in a row, with its jitter, and time for a busy machine, s. */
const LONGEST_BACKOFF_S = 8
/** How long what was cut off may still be on its way, ms. */
const ON_ITS_WAY_MS = 300

/** One formation, and all that was asked of it. */
export class Asker {
  wish = new Wish()
  wrong = []
  killed = { shims: new Set(), commands: new Set() }
  counted = { asked: 0, done: 0, cutOff: 0, supervisorKills: 0, shimKills: 0, crashes: 0, notUpYet: 0 }
  done = 0
  /** The `start` in the foreground that is there, if one is. */
  foreground
  isDetached = false
  /** Ends by themselves since the last restart, for each slot: the third in a row would wait for seconds. */
  crashes = new Map()
  /** When each slot was last killed, s since boot. */
  killedAt = new Map()

  constructor(world) {
    this.world = world
  }

  chance(share) {
    return this.random() < share
  }

  /** One of a list; of pairs [weight, value] one by weight. */
  pick(list) {
    if (!Array.isArray(list[0])) return list[Math.floor(this.random() * list.length)]
    let left = this.random() * list.reduce((sum, [weight]) => sum + weight, 0)
    return list.find(([weight]) => (left -= weight) < 0)[1]
  }

  fail(sentence) {
    this.world.log(`WRONG ${sentence}`)
    this.wrong.push(`after ${this.done} operations: ${sentence}`)
  }

  /**
   * Has tw-run do something, some of it cut off by a kill -9 of the command or of the supervisor. `effect` is
   * what it does to the wish. True if it was done.
   */
  async command(
    args,
    effect = {},
    {
      cut = this.pick([
        [6, 'none'],
        [1, 'command'],
        [1, 'supervisor'],
      ]),
      mayBeOver = false,
    } = {},
  ) {
    this.counted.asked += 1
    this.world.log(`asked ${args.join(' ')}${cut === 'none' ? '' : ` (kill -9 of the ${cut})`}`)
    this.wish.begin(effect)
    const { child, ended } = this.world.run(args)
    let isCut = false
    if (cut !== 'none') {
      await Promise.race([ended, sleep(this.random() * 200)])
      isCut = cut === 'command' ? this.world.kill(child.pid) : await this.killSupervisor()
    }
    const result = await this.within(ended, child, args)
    if (result.code === 0) {
      this.counted.done += 1
      this.world.log(`done ${args.join(' ')}: ${result.stdout.trim().replaceAll('\n', '; ')}`)
      this.wish.commit(effect)
      return true
    }
    const said = `${result.code} ${result.stderr.trim()}`
    if (this.isOnlyNotUpYet(args, result)) {
      this.wish.commit(effect)
      return true
    }
    const isOver = mayBeOver && /nothing runs here/.test(result.stderr)
    if (!isCut && !isOver) this.fail(`tw-run ${args.join(' ')} ended with ${said}`)
    this.counted.cutOff += 1
    this.world.log(`cut off ${args.join(' ')}: ${said}`)
    await sleep(ON_ITS_WAY_MS)
    return false
  }

  /** `start -D` does not wait for what a crash has just taken down, and may be waiting to start again. */
  isOnlyNotUpYet([verb], { code, stderr }) {
    const named = /^tw-run: not up: (.+)$/m.exec(stderr)?.[1]?.split(', ')
    if (verb !== 'start' || code !== 1 || !named?.every((slot) => this.isBackingOff(slot))) return false
    this.counted.notUpYet += 1
    this.world.log(`done, and not up yet: ${named.join()}`)
    return true
  }

  isBackingOff(slot) {
    return uptime() < (this.killedAt.get(slot) ?? -Infinity) + LONGEST_BACKOFF_S
  }

  /** The end of a command, or its kill -9 after the time in which every command has to end. */
  async within(ended, child, args) {
    const timeout = new AbortController()
    const late = sleep(COMMAND_WITHIN_MS, 'late', { signal: timeout.signal }).catch(() => undefined)
    const first = await Promise.race([ended, late])
    timeout.abort()
    if (first !== 'late') return first
    this.fail(`tw-run ${args.join(' ')} did not end within ${COMMAND_WITHIN_MS} ms`)
    this.world.kill(child.pid)
    return ended
  }

  /** Edits counts; of what was cut off tw-run says itself whether it happened. */
  async scale(words, counts) {
    const before = { ...this.wish.counts }
    const cleared = words.map((word) => /^[a-z]+/.exec(word)[0])
    if (await this.command(['scale', ...words], { counts, cleared })) return
    const now = await this.printedCounts()
    const isOneOf = [before, counts].some((one) => TYPES.every((type) => one[type] === now?.[type]))
    if (!isOneOf)
      this.fail(`scale ${words.join(' ')} was cut off, and the formation is ${JSON.stringify(now)}`)
    this.wish.doubt({ counts: now ?? before, cleared })
  }

  async printedCounts() {
    const { child, ended } = this.world.run(['scale'])
    const { code, stdout, stderr } = await this.within(ended, child, ['scale'])
    if (code !== 0) this.fail(`tw-run scale ended with ${code} ${stderr}`)
    else
      return Object.fromEntries(
        stdout
          .trim()
          .split(',')
          .map((word) => [word.split('=')[0], Number(word.split('=')[1])]),
      )
    return undefined
  }

  /** Begins, or carries on; tried again where it was cut off. */
  async start(counts = this.randomCounts()) {
    // None of anything cannot be asked for: what was scaled to that is carried on as it is.
    const isNone = TYPES.every((type) => counts[type] === 0)
    const effect = isNone ? {} : { counts, cleared: TYPES }
    const args = this.world.startArguments(isNone ? undefined : counts)
    this.isDetached = this.chance(0.5)
    for (
      let cut = this.pick([
        [3, 'none'],
        [1, 'supervisor'],
      ]);
      ;
      cut = 'none'
    ) {
      const isUp = this.isDetached
        ? await this.command(['start', '-D', ...args], effect, { cut })
        : await this.startInForeground(args, effect, cut)
      if (isUp || this.wrong.length > 0) break
    }
    this.wish.take(TYPES, this.world.edits)
    for (const type of TYPES) this.forgetCrashes(type)
  }

  randomCounts() {
    return {
      web: 1 + Math.floor(this.random() * 4),
      worker: Math.floor(this.random() * 4),
      clock: this.chance(0.8) ? 1 : 0,
    }
  }

  async startInForeground(args, effect, cut) {
    this.counted.asked += 1
    this.world.log(`asked start ${args.join(' ')}${cut === 'none' ? '' : ' (kill -9)'}`)
    this.wish.begin(effect)
    const run = this.world.spawnStart(args)
    if (cut !== 'none') {
      await sleep(this.random() * 300)
      this.world.kill(run.child.pid)
      await run.ended
      this.counted.cutOff += 1
      this.world.log('cut off start')
      return false
    }
    const end = uptime() + COMMAND_WITHIN_MS / 1000
    while (this.world.supervisor() !== run.child.pid || !this.world.isUnderWay()) {
      if (run.result !== undefined || uptime() > end) {
        this.fail(`start ${run.result === undefined ? 'did not begin' : `ended with ${run.result}`}`)
        return false
      }
      await sleep(10)
    }
    this.foreground = run
    this.counted.done += 1
    this.world.log(`done start (pid ${run.child.pid})`)
    this.wish.commit(effect)
    return true
  }

  /** Asked until it is done; nothing may be left then. */
  async stopAll(cut) {
    const { foreground } = this
    let mayBeOver = false
    while (this.wrong.length === 0 && !(await this.command(['stop'], { ends: true }, { cut, mayBeOver }))) {
      cut = 'none'
      // What was cut off may come to its end before it is asked for again.
      mayBeOver = true
      // It may have happened; then there is nothing to stop.
      if (this.world.supervisor() === undefined && !this.world.isUnderWay()) this.wish.commit({ ends: true })
      if (this.wish.counts === undefined) break
    }
    if (foreground !== undefined) {
      const code = await this.within(foreground.ended, foreground.child, ['start'])
      if (code !== 0 && code !== 'SIGKILL') this.fail(`start ended with ${code} after stop`)
    }
    this.foreground = undefined
    if (this.wrong.length > 0) return
    // A supervisor that another command started in vain sees that it came too late, and ends.
    const until = performance.now() + REVIVED_IN_VAIN_MS
    let left = this.world.everything()
    while (left.length > 0 && left.every(isReviver) && performance.now() < until) {
      await sleep(10)
      left = this.world.everything()
    }
    for (const { pid, command } of left) this.fail(`left after stop: ${command} (pid ${pid})`)
  }

  async killSupervisor() {
    const pid = this.world.supervisor()
    if (pid === undefined || !this.world.kill(pid)) return false
    // The kernel takes a moment for it.
    while (this.world.supervisor() === pid) await sleep(1)
    this.counted.supervisorKills += 1
    this.world.log(`killed the supervisor (pid ${pid})`)
    return true
  }

  forgetCrashes(target) {
    for (const slot of this.crashes.keys())
      if (target === undefined || slot === target || partsOf(slot).type === target) this.crashes.delete(slot)
  }
}

function isReviver({ command }) {
  return command.includes('supervise --revive')
}
