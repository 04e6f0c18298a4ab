import { serve } from './serve.js'

serve(() => ({}))
process.removeAllListeners('SIGTERM')
process.on('SIGTERM', () => {})
