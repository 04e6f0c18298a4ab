import { randomUUID } from 'node:crypto'

// The fifth request in a row is one too many.
const headers = { 'x-client': randomUUID() }
const seen = []
for (let request = 0; request < 5; request += 1) {
  const { status } = await fetch(process.env.BASE_URL, { headers })
  seen.push(status)
}
if (seen.join(' ') !== '200 200 200 200 429') throw new Error(`answers: ${seen.join(' ')}`)
