import { setTimeout as pause } from 'node:timers/promises'
import { LEASE_MS, openQueue } from './queue.js'

/** How long the work on one order takes, in milliseconds: a slow call to somebody else. */
const WORK_MS = Number(process.env.WORK_MS ?? 100)
/** This run of this process, and no other. */
const ME = `${process.env.PS} ${process.env.TW_RUN_INSTANCE ?? process.pid}`

const queue = openQueue()
const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())

console.log('waiting for orders')
while (!stopping.signal.aborted) {
  try {
    const order = await queue.take(ME)
    if (order === undefined) await pause(100, undefined, { signal: stopping.signal })
    else await workOn(order)
  } catch (error) {
    if (error.name === 'AbortError') break
    console.error(`trying again: ${error.message}`)
    await pause(1000, undefined, { signal: stopping.signal }).catch(() => undefined)
  }
}
queue.close()

async function workOn(order) {
  const alive = setInterval(() => queue.prolong(order, ME).catch(() => undefined), LEASE_MS / 3)
  try {
    await pause(WORK_MS, undefined, { signal: stopping.signal })
  } catch {
    await queue.giveBack(order, ME)
    console.log(`gave order ${order.id} back`)
    return
  } finally {
    clearInterval(alive)
  }
  const counted = await queue.finish(order)
  console.log(counted ? `did order ${order.id}` : `order ${order.id} had been done before`)
}
