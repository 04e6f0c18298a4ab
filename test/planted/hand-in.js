import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

// What was accepted is there soon after.
const base = process.env.BASE_URL
const ids = Array.from({ length: 6 }, () => randomUUID())
for (const id of ids) {
  const { status } = await fetch(`${base}/${id}`, { method: 'PUT' })
  if (status !== 202) throw new Error(`status ${status}`)
}
const end = performance.now() + 5_000
for (const id of ids) {
  while ((await fetch(`${base}/${id}`)).status !== 200) {
    if (performance.now() > end) throw new Error(`${id} is lost`)
    await pause(20)
  }
}
