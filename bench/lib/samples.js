// Every measured value, by figure, size and tool; tables and later plots are views of it.

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const key = (figure, size, tool) => `${figure}\n${size}\n${tool}`

export class Samples {
  #values = new Map()
  #reasons = new Map()
  /** Things that went wrong without costing a figure, such as processes left behind: { tool, text }. */
  troubles = []

  add(figure, size, tool, value) {
    const name = key(figure, size, tool)
    if (!this.#values.has(name)) this.#values.set(name, [])
    this.#values.get(name).push(value)
  }

  values(figure, size, tool) {
    return this.#values.get(key(figure, size, tool)) ?? []
  }

  /** Why there is no figure: shown in place of a number. */
  fail(figure, size, tool, why) {
    this.#reasons.set(key(figure, size, tool), why)
  }

  reason(figure, size, tool) {
    return this.#reasons.get(key(figure, size, tool))
  }

  trouble(tool, text) {
    if (!this.troubles.some((known) => known.tool === tool && known.text === text))
      this.troubles.push({ tool, text })
  }

  /** All of it, for other programs. */
  toJSON() {
    const rows = [...this.#values].map(([name, values]) => {
      const [figure, size, tool] = name.split('\n')
      return { figure, size: Number(size), tool, median: median(values), values }
    })
    const failures = [...this.#reasons].map(([name, why]) => {
      const [figure, size, tool] = name.split('\n')
      return { figure, size: Number(size), tool, why }
    })
    return { rows, failures, troubles: this.troubles }
  }
}
