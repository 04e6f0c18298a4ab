// Every suite, in the order in which they run: what measures short times comes first, while the harness is
// still small, since a fork takes longer the more memory the forking process has.
//
// A suite: { figures: names for the command line, alsoFor?: figures of others that need its samples,
//   seconds: what it may take of the ten minutes, run(context) -> fills context.samples,
//   tables: [{ figure, title, rounds, columns: [{ figure, size, title, digits, ratio?, worst?, base? }],
//     takes?: values a round gives, rows?: [{ name }] instead of the tools, base?: what ratios are to,
//     lead?: instead of the line on rounds, picture?: a file beside the Markdown }],
//   notes?(context) -> lines below the last table }
// and the context: { figures, tools, peers, samples, rounds?, scale, until, progress(text) };
// after `until` (of nowMs) only first rounds are run.
import { adopted } from './adopted.js'
import { commands } from './commands.js'
import { control } from './control.js'
import { deaf } from './deaf.js'
import { growth } from './growth.js'
import { lifetimes } from './lifetimes.js'
import { lines } from './lines.js'
import { little } from './little.js'
import { router } from './router.js'
import { sinks } from './sinks.js'

export const suites = [lifetimes, deaf, commands, control, adopted, little, router, lines, sinks, growth]
