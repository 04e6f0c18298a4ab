/** The time that everything together may take. */
export class Limit {
  isOver = false
  readonly over: Promise<void>
  readonly #timer: NodeJS.Timeout | undefined

  /** `ms` undefined: for ever. */
  constructor(ms: number | undefined) {
    const { promise, resolve } = withResolvers()
    this.over = promise
    if (ms === undefined) return
    this.#timer = setTimeout(() => {
      this.isOver = true
      resolve()
    }, ms)
  }

  cancel(): void {
    clearTimeout(this.#timer)
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
