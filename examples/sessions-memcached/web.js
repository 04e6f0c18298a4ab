import { serve } from '../sessions-app/web.js'
import { close, store } from './store.js'

await serve(store, close)
