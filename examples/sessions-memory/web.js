import { serve } from '../sessions-app/web.js'
import { store } from './store.js'

await serve(store)
