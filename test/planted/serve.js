import { createServer } from 'node:http'

/** A web process that answers with what `answer` returns, and stops as it should. */
export function serve(answer) {
  const server = createServer(async (request, response) => {
    const { status = 200, headers = {}, text = '' } = await answer(request)
    response.writeHead(status, headers).end(text)
  })
  server.listen(Number(process.env.PORT), '127.0.0.1')
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  })
}

/** The value of a cookie; undefined if the request has none. */
export function cookieOf({ headers }, name) {
  return new RegExp(`(?:^|; )${name}=([^;]*)`).exec(headers.cookie ?? '')?.[1]
}
