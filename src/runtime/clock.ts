/**
 * ms since boot, from the monotonic clock: the same for every process of this boot, so that a deadline on
 * disk means the same to the next supervisor, whatever happens to the time of day. What every start
 * measures is measured by it too: Node loads `performance` when it is first used, which takes 1 ms.
 */
export function bootNow(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

/** A file's time (ms since 1970) as ms since boot, kept between two times at which it must lie. */
export function bootFromWall(wall: number, earliest: number, latest: number): number {
  const boot = bootNow() - (Date.now() - wall)
  return Math.min(Math.max(boot, earliest), latest)
}

/** Stops this whole process for so long, ms: for moments in which there is nothing else to do. */
export function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/**
 * A quarter of a millisecond in which nothing of ours happens, and a turn of the event loop: no timer of Node is shorter
 * than 1 ms, and most are 0.5 ms late. For what comes within a few.
 */
export async function aMoment(): Promise<void> {
  pause(0.25)
  return new Promise((resolve) => void setImmediate(resolve))
}
