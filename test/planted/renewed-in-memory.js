import { randomUUID } from 'node:crypto'
import { cookieOf, serve } from './serve.js'

// Whoever is not known gets a new session and is none the wiser.
const carts = new Map()

serve((request) => {
  const sid = cookieOf(request, 'sid')
  if (carts.has(sid)) return { text: `${carts.get(sid).push(request.url)} things in it` }
  const fresh = randomUUID()
  carts.set(fresh, [request.url])
  return { headers: { 'set-cookie': `sid=${fresh}; Path=/` }, text: '1 thing in it' }
})
