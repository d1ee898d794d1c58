/** The small plot of a measure: where its marks stand on one axis, and what is written under it. */
import { figure, seconds } from '../numbers'
import { scale, tickText, type Scale } from '../plots/scales'
import type { Mark, Measure } from '../types'

export const HEIGHT = 46
export const LINE = 28
export const MIDDLE = 18
const LINES = ['limit', 'promise']

export interface Strip {
  x: Scale
  ticks: { x: number; text: string }[]
  points: Mark[]
  lines: Mark[]
  /** From where to where a promise is kept, where one was made of an upper limit. */
  safe: number | null
  /** The way from the origin to the farthest mark, where there is one. */
  way: [number, number] | null
}

/** The strip of a measure, `width` wide; null where it has nothing to draw. */
export function strip(measure: Measure, width: number): Strip | null {
  const log = measure.axis === 'log'
  const marks = measure.marks.filter((m) => Number.isFinite(m.value) && (!log || m.value >= 0))
  if (!marks.length) return null
  const floor = Math.min(...marks.map((m) => m.value).filter((v) => v > 0)) / 10
  const place = (v: number) => (log && v <= 0 ? floor : v)
  const ends = marks.flatMap((m) => (m.error && !log ? [m.value - m.error, m.value + m.error] : [place(m.value)]))
  const extra = measure.key === 'shift' ? [1] : []
  const s = scale([...ends, ...extra], 7, width - 9, { kind: measure.axis, pad: log ? 2 : 0.05, count: 4 })
  const x = Object.assign((v: number) => s(place(v)), { kind: s.kind, domain: s.domain, ticks: s.ticks })
  const possible = measure.key === 'intervals' ? s.ticks.filter((t) => inPercent(measure, t) <= 100) : s.ticks
  const shown = s.kind === 'log' ? thinned(possible, width) : possible.slice(0, 6)
  const points = marks.filter((m) => !LINES.includes(m.kind) && m.kind !== 'floor').reverse()
  const limit = marks.find((m) => m.kind === 'limit')
  return {
    x,
    ticks: shown.map((t) => ({ x: x(t), text: tick(measure, t) })),
    points,
    lines: marks.filter((m) => LINES.includes(m.kind) || m.kind === 'floor'),
    safe: limit && measure.key === 'symmetry' ? x(limit.value) : null,
    way: way(measure, points, x),
  }
}

function thinned(ticks: number[], width: number): number[] {
  const every = Math.ceil(ticks.length / Math.max(2, Math.floor(width / 44)))
  return ticks.filter((_, i) => i % every === 0)
}

function way(measure: Measure, points: Mark[], x: Scale): [number, number] | null {
  const ours = points.find((m) => m.kind === 'ours')
  if (!ours) return null
  if (measure.key === 'price') {
    const other = points.find((m) => m.kind === 'opponent')
    return other ? [x(ours.value), x(other.value)] : null
  }
  if (measure.key !== 'shift') return null
  return [x(ours.value), x(Math.max(...points.map((m) => m.value)))]
}

/** What stands under the axis of a measure. */
export function tick(measure: Measure, value: number): string {
  if (measure.key === 'price') return seconds(value)
  if (measure.key === 'intervals') return `${figure(inPercent(measure, value))} %`
  if (measure.key === 'shift') return `×${tickText(value)}`
  return tickText(value)
}

/** Shares may be given as they are or in percent. */
export function inPercent(measure: Measure, value: number): number {
  return measure.figure.unit === '%' ? value : Number((100 * value).toPrecision(4))
}
