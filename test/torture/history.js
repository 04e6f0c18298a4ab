// Random commands, edits and kill -9 from a seed, each logged as asked, done or cut off, and an oracle outside
// tw-run that knows what may be.
import { setTimeout as sleep } from 'node:timers/promises'
import { Asker } from './asker.js'
import { difference, judge, partsOf } from './oracle.js'
import { operations } from './operations.js'
import { randomOf } from './random.js'
import { TYPES, World, uptime } from './world.js'

/** The longest until everything is as it was asked for, ms: the longest backoff of what is killed is 5 s. */
const SETTLED_WITHIN_MS = 20_000
const SETTLE_EVERY = 25

/** Does so many operations on ports from this one on, 300 of them; what was wrong, as sentences, and what was seen. */
export async function history({ ops, seed, port, signal, progress = () => {} }) {
  const policy = seed % 2 === 0 ? 'always' : 'on-failure'
  const session = new HistorySession(new World({ port, policy }), seed)
  try {
    await session.play(ops, progress, signal)
    const { wrong, seen } = session.verdict()
    if (wrong.length === 0) session.world.remove()
    return { wrong, seen: { ...seen, ops: session.done, ...session.counted }, folder: session.world.folder }
  } finally {
    await session.world.clear()
  }
}

/** One formation and everything that is done to it. */
class HistorySession extends Asker {
  #seed

  constructor(world, seed) {
    super(world)
    this.#seed = seed
  }

  async play(ops, progress, signal) {
    for (; this.done < ops && this.wrong.length === 0; this.done += 1) {
      if (signal?.aborted) return this.fail('broken off')
      // Each has numbers of its own: what one does with its time does not change the next.
      this.random = randomOf(this.#seed * 100_003 + this.done)
      if (this.wish.counts === undefined) await this.start()
      else await this.pick(operations)(this)
      if (this.chance(0.5)) await sleep(this.random() * 80)
      if (this.done % SETTLE_EVERY === SETTLE_EVERY - 1) await this.settle()
      for (const line of this.world.violations()) this.fail(line)
      progress(this.done + 1)
    }
    if (this.wrong.length === 0) await this.finish()
  }

  verdict() {
    // After something went wrong it was left as it was, and there are no ends to judge.
    if (this.wrong.length > 0) return { wrong: this.wrong, seen: {} }
    const { wrong, seen } = judge(this.world, this.wish, this.killed)
    return { wrong, seen }
  }

  /** Somebody has to be there for what is asked for to come true. */
  async supervise() {
    if (this.isDetached) {
      if (this.world.supervisor() === undefined) await this.command(['ps'], {}, { cut: 'none' })
    } else if (this.world.supervisor() === undefined) {
      await this.foreground?.ended
      await this.start(this.wish.counts)
    }
  }

  /** Waits for exactly the formation last asked for. */
  async settle() {
    if (this.wish.counts === undefined || this.wrong.length > 0) return
    await this.supervise()
    const end = uptime() + SETTLED_WITHIN_MS / 1000
    const look = () => difference(this.wish, this.world.living())
    let found = look()
    while (found !== undefined && uptime() < end) {
      await sleep(20)
      found = look()
    }
    if (found !== undefined) this.fail(`not settled: ${found}; ps says ${await this.ps()}`)
    else this.world.log('settled')
  }

  async ps() {
    const { child, ended } = this.world.run(['ps', '--json'])
    return (await this.within(ended, child, ['ps'])).stdout
  }

  /** The formation last asked for comes up, in its newest edit, and goes. */
  async finish() {
    this.random = randomOf(this.#seed)
    if (this.wish.counts === undefined) await this.start()
    const counts = await this.printedCounts()
    for (const type of TYPES)
      if (counts?.[type] !== this.wish.counts[type])
        this.fail(
          `${type}=${this.wish.counts[type]} was asked for last, and the formation is ${JSON.stringify(counts)}`,
        )
    await this.settle()
    if (TYPES.some((type) => this.wish.counts[type] > 0)) {
      await this.command(['restart', '--wait'], { up: this.wish.formation() }, { cut: 'none' })
    }
    await this.settle()
    if (this.wrong.length > 0) return
    await this.compareRows()
    await this.stopAll('none')
  }

  async compareRows() {
    const rows = JSON.parse(await this.ps())
    const up = rows.filter(({ phase }) => phase === 'up').map((row) => row.process)
    const due = this.wish.slots()
    if (up.toSorted().join() !== due.toSorted().join())
      this.fail(`ps shows ${up.join()}, and it should be ${due.join()}`)
    for (const [slot, tokens] of this.world.living()) {
      for (const token of tokens) {
        const { edit } = this.world.journal(slot, token)
        const newest = this.world.edits[partsOf(slot).type]
        if (edit !== newest) this.fail(`${slot} runs edit ${edit}, and ${newest} is the newest`)
      }
    }
  }
}
