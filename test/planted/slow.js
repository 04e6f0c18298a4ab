import { setTimeout as pause } from 'node:timers/promises'
import { serve } from './serve.js'

// An answer that takes its time, the more of it the argument says, in ms.
serve(async () => {
  await pause(Number(process.argv[2]))
  return { text: 'all is well' }
})
