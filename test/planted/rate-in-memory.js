import { serve } from './serve.js'

const MOST = 4
const counts = new Map()

serve(({ headers }) => {
  const client = headers['x-client']
  const count = (counts.get(client) ?? 0) + 1
  counts.set(client, count)
  return { status: count > MOST ? 429 : 200 }
})
