/** What a batch usually takes, bytes; memory that was never touched costs nothing. */
const USUAL = 512 * 1024
/** A batch of nothing but empty lines may need more; this much more is given up again after it. */
const LARGEST_KEPT = 2 * 1024 * 1024

/** Bytes on their way out. The memory is used again for the next ones, so that a flood makes no garbage. */
export class Outbox {
  #memory = Buffer.allocUnsafeSlow(USUAL)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** What was added since the last `clear`, until the next change. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length)
  }

  /** Adds text of which each character stands for one byte. */
  addLatin1(text: string): void {
    this.#makeRoom(text.length)
    this.#length += this.#memory.write(text, this.#length, 'latin1')
  }

  add(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#memory.set(bytes, this.#length)
    this.#length += bytes.length
  }

  clear(): void {
    this.#length = 0
    if (this.#memory.length > LARGEST_KEPT) this.#memory = Buffer.allocUnsafeSlow(USUAL)
  }

  #makeRoom(needed: number): void {
    const wanted = this.#length + needed
    if (wanted <= this.#memory.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, this.#memory.length * 2))
    this.#memory.copy(larger, 0, 0, this.#length)
    this.#memory = larger
  }
}
