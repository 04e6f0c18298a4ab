// Every tool that can be measured, in the order of the tables.
//
// A tool: { name, kind: 'tw-run' | 'peer' | 'floor', peer?: name in lib/peers.js,
//   stopSignal or quitKey or neither (ended by force), stopsAsGroup?: the signal goes to its group,
//   goesOn: a process that ends well leaves the others alone, and the tool ends after the last,
//   launch({ app, dir, peer }) -> { argv, env?, logs?: files to read instead of stdout },
//   unfit?(figure, size) -> why it is not measured there, cutsAtEnd?: drops output then, so that its rate is
//   taken while its processes stay, wrapper?: name of a program around it that is not
//   counted, control?: see suites/control.js, slowness?: divides the number of lines, readsNothing?: its lines do not come to the harness,
//   takesGrace?: launch minds app.graceSeconds, merges?: a floor that prefixes and merges lines }
import { floors } from './floors.js'
import { nodePeers } from './node-peers.js'
import { otherPeers } from './other-peers.js'
import { pathPeers } from './path-peers.js'
import { twRunTools } from './tw-run.js'

export const allTools = [...twRunTools, ...nodePeers, ...otherPeers, ...pathPeers, ...floors]
