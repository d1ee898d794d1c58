/** What a cell is painted by: its state, or one of the five measures of its best record, in five steps of one hue. */
import type { MapLeaf, Measure } from '../types'

export type Colouring = 'state' | Measure['key']

export const COLOURINGS: [Colouring, string][] = [
  ['state', 'State'],
  ['error', 'Error'],
  ['price', 'Price'],
  ['symmetry', 'Symmetry'],
  ['intervals', 'Intervals'],
  ['shift', 'Shift'],
]

/** Steps of a ramp, best first: the largest value that still belongs to it, and what the legend says. */
const STEPS: Record<Measure['key'], { of: string; steps: [number, string][] }> = {
  error: { of: 'error against the best published value, else the reference solvers', steps: [[1, 'as good'], [3, '× 3'], [10, '× 10'], [100, '× 100'], [Infinity, 'more']] },
  price: { of: 'time against the cheapest solver as accurate', steps: [[0.01, '× 0.01'], [0.1, '× 0.1'], [1, '× 1'], [10, '× 10'], [Infinity, 'more']] },
  symmetry: { of: 'largest defect against its limit', steps: [[1e-6, '10^{−6}'], [1e-3, '10^{−3}'], [0.1, '0.1'], [1, '1'], [Infinity, 'violated']] },
  intervals: { of: 'intervals that hold, against what they promise', steps: [[0.01, 'within 1 %'], [0.03, '3 %'], [0.06, '6 %'], [0.12, '12 %'], [Infinity, 'more']] },
  shift: { of: 'error where it is worst against that at home', steps: [[1.2, '× 1.2'], [2, '× 2'], [5, '× 5'], [20, '× 20'], [Infinity, 'more']] },
}

export const STATES: [string, string][] = [
  ['planned', 'planned'],
  ['runs', 'runs'],
  ['measured', 'record here'],
  ['open', 'open: its bar is met'],
]

export const legend = (key: Measure['key']): { of: string; steps: string[] } => ({ of: STEPS[key].of, steps: STEPS[key].steps.map(([, text]) => text) })

export const measure = (leaf: MapLeaf, key: Measure['key']): Measure | undefined => leaf.five?.find((m) => m.key === key)

/** The ratio that the ramp of a measure is made of; null where there is nothing to compare with. */
export function ratio(m: Measure): number | null {
  const ours = m.marks.find((k) => k.kind === 'ours')?.value ?? m.figure.value
  if (ours === null || m.figure.value === null) return null
  const of = (...kinds: string[]) => m.marks.filter((k) => kinds.includes(k.kind) && k.value > 0).map((k) => k.value)
  if (m.key === 'error') {
    const best = of('published').length ? Math.min(...of('published')) : mean(of('opponent'))
    return best === null ? null : ours / best
  }
  if (m.key === 'price') return of('opponent').length ? ours / Math.min(...of('opponent')) : null
  if (m.key === 'symmetry') return of('limit').length ? m.figure.value / Math.min(...of('limit')) : null
  if (m.key === 'intervals') {
    const promised = of('promise', 'limit')
    return promised.length ? Math.abs(ours - promised[0]) / (m.figure.unit === '%' ? 100 : 1) : null
  }
  return m.figure.value
}

function mean(values: number[]): number | null {
  return values.length ? Math.exp(values.reduce((t, v) => t + Math.log(v), 0) / values.length) : null
}

/** The step of a measure, 1 (best) to 5; 0 where nothing can be said. A broken promise is always the last. */
export function step(m: Measure | undefined): number {
  if (!m || m.figure.value === null) return 0
  if (m.key === 'symmetry' && m.good === false) return 5
  const r = ratio(m)
  return r === null ? 0 : STEPS[m.key].steps.findIndex(([most]) => r <= most * (1 + 1e-9)) + 1
}

/** The state of a leaf as the map paints it: "measured" runs and has a record here. */
export function stateOf(leaf: MapLeaf): string {
  return leaf.state === 'runs' && leaf.five ? 'measured' : leaf.state
}

/** What stands under the name of a leaf. */
export function line(leaf: MapLeaf, colouring: Colouring): string {
  const m = colouring === 'state' ? measure(leaf, 'error') : measure(leaf, colouring)
  if (m && m.figure.value !== null) return short(m.figure.text)
  if (colouring !== 'state') return leaf.five ? '–' : ''
  if (leaf.state === 'planned') return ''
  if (leaf.state === 'broken') return 'cannot be read'
  return leaf.methods ? `${leaf.methods} method${leaf.methods === 1 ? '' : 's'}` : ''
}

/** A figure without its bar, short enough for a cell: "23.44 ± 0.61 meV/Å" reads 23.4 meV/Å. */
export function short(text: string): string {
  return text.replace(/\(?(−?[\d.,]+) ± [\d.,]+\)?/, (_, value: string) => (value.replace(/\D/g, '').length > 3 ? String(Number(Number(value.replaceAll(',', '').replace('−', '-')).toPrecision(3))).replace('-', '−') : value))
}

/** The same for speech. */
export function said(leaf: MapLeaf, colouring: Colouring): string {
  const states: Record<string, string> = { planned: 'planned', runs: 'runs', measured: 'runs, record here', open: 'open, its bar is met', broken: 'its file cannot be read' }
  const words = states[stateOf(leaf)] ?? leaf.state
  const m = colouring === 'state' ? undefined : measure(leaf, colouring)
  return m ? `${words}; ${m.sentence}` : words
}
