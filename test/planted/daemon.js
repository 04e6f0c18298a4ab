import { spawn } from 'node:child_process'
import { serve } from './serve.js'

spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).unref()
serve(() => ({}))
