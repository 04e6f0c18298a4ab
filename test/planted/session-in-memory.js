import { randomUUID } from 'node:crypto'
import { cookieOf, serve } from './serve.js'

const sessions = new Map()

serve((request) => {
  const user = sessions.get(cookieOf(request, 'sid'))
  if (user !== undefined) return { text: user }
  const sid = randomUUID()
  sessions.set(sid, `visitor ${sessions.size}`)
  if (request.url === '/login') return { headers: { 'set-cookie': `sid=${sid}` } }
  return { status: 302, headers: { location: '/login' } }
})
