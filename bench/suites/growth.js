// Each figure against size, as a plot and as a number. Measures nothing: lifetimes.js and lines.js take the
// samples at these sizes when `growth` is asked for.
import { plotPanels } from '../lib/plot.js'
import { median } from '../lib/samples.js'
import { allTools } from '../tools/index.js'
import { GROWTH_SIZES } from './lifetimes.js'
import { GROWTH_WRITERS } from './lines.js'

export const GROWTH_PICTURE = 'growth.svg'
const OURS = 'tw-run'
/** Exponents and tw-run's own values are samples without a size, or of tw-run under another name. */
const NO_SIZE = 0

const ofProcesses = { sizes: GROWTH_SIZES, xTitle: 'processes', grows: true }
const ofWriters = { sizes: GROWTH_WRITERS, xTitle: 'writers (as many lines in all)' }
const CURVES = [
  { ...ofProcesses, figure: 'start', title: 'Start', unit: 'ms', digits: 1 },
  { ...ofProcesses, figure: 'stop', title: 'Stop', unit: 'ms', digits: 1 },
  { ...ofProcesses, figure: 'memory', title: 'Memory', unit: 'MB', digits: 1 },
  { ...ofProcesses, figure: 'idle', title: 'Idle CPU', unit: '% of a core', digits: 3 },
  { ...ofWriters, figure: 'lines', title: 'Lines', unit: 'M a second', digits: 2 },
  { ...ofWriters, figure: 'cpu', title: 'CPU a line', unit: 'µs', digits: 3 },
  { ...ofWriters, figure: 'peak', title: 'Peak memory', unit: 'MB', digits: 0 },
]
const rowOf = ({ title, unit }) => `${title}, ${unit}`

/** The medians that there are: [{ size, value }]. */
function pointsOf({ figure, sizes }, tool, samples) {
  return sizes.flatMap((size) => {
    const values = samples.values(figure, size, tool)
    return values.length === 0 ? [] : [{ size, value: median(values) }]
  })
}

/** Slope of log(value) over log(size) between the last two of all sizes; undefined where one is missing or 0. */
function exponentOf(curve, points) {
  const [before, last] = curve.sizes.slice(-2).map((size) => points.find((point) => point.size === size))
  if (!(before?.value > 0) || !(last?.value > 0)) return undefined
  return Math.log(last.value / before.value) / Math.log(last.size / before.size)
}

const exponentFigure = ({ figure }) => `${figure} exponent`

async function run({ samples, tools }) {
  for (const curve of CURVES) {
    for (const { name } of tools) {
      const points = pointsOf(curve, name, samples)
      const exponent = exponentOf(curve, points)
      if (exponent !== undefined) samples.add(exponentFigure(curve), NO_SIZE, name, exponent)
      if (name !== OURS) continue
      for (const { size, value } of points) samples.add(`of ${OURS}`, size, rowOf(curve), value)
      if (exponent !== undefined) samples.add(`exponent of ${OURS}`, NO_SIZE, rowOf(curve), exponent)
    }
  }
}

/** The plot, or undefined where nothing was measured at two sizes. */
export function plotGrowth({ samples, tools, figures }) {
  if (!figures.includes('growth')) return undefined
  const panels = CURVES.map((curve) => {
    const all = tools.map(({ name }) => [name, pointsOf(curve, name, samples)])
    return { ...curve, lines: new Map(all.filter(([, points]) => points.length > 1)) }
  }).filter(({ lines }) => lines.size > 0)
  if (panels.length === 0) return undefined
  const styles = allTools
    .map(({ name, kind }) => ({ name, isOurs: name === OURS, isFloor: kind === 'floor' }))
    .filter(({ name }) => panels.some(({ lines }) => lines.has(name)))
    .map((style, colour) => ({ ...style, colour }))
  const below =
    'Medians of one run. Dotted: growth with the number, through the last but one point of tw-run. Dashed: floors.'
  return plotPanels({ title: 'tw-run and others, against size', below, panels, styles })
}

function ownTable(title, curves, picture) {
  const { sizes } = curves[0]
  return {
    figure: 'growth',
    title,
    picture,
    rows: curves.map((curve) => ({ name: rowOf(curve) })),
    columns: [
      ...sizes.map((size) => ({ figure: `of ${OURS}`, size, title: String(size), digits: 2 })),
      {
        figure: `exponent of ${OURS}`,
        size: NO_SIZE,
        title: `exponent ${sizes.slice(-2).join(' to ')}`,
        digits: 2,
      },
    ],
    lead: `Medians. Exponent: slope of log(value) over log(size) between the last two; 0 does not grow, 1 is linear.`,
  }
}

const isOf = (sizes) => (curve) => curve.sizes === sizes

export const growth = {
  figures: ['growth'],
  seconds: 1,
  run,
  tables: [
    ownTable('Growth: tw-run with 1 to 500 processes', CURVES.filter(isOf(GROWTH_SIZES)), GROWTH_PICTURE),
    ownTable(
      'Growth: tw-run with 1 to 16 writers of the same number of lines in all',
      CURVES.filter(isOf(GROWTH_WRITERS)),
    ),
    {
      figure: 'growth',
      title: 'Growth: exponents of all',
      columns: CURVES.map((curve) => ({
        figure: exponentFigure(curve),
        size: NO_SIZE,
        title: curve.title.toLowerCase(),
        digits: 2,
      })),
      lead: `Between ${GROWTH_SIZES.slice(-2).join(' and ')} processes, and ${GROWTH_WRITERS.slice(-2).join(' and ')} writers. Of lines a second 0 keeps the rate, below 0 loses some. A dash: no figure at one of the two, or none above 0.`,
    },
  ],
}
