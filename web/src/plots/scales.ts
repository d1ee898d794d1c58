/** Axes: logarithmic by default for errors, times and defects; ticks that a reader would choose. */
import { scaleLinear, scaleLog } from 'd3-scale'
import { figure } from '../numbers'

export type Kind = 'linear' | 'log'

export interface Scale {
  (value: number): number
  kind: Kind
  domain: [number, number]
  ticks: number[]
}

/** A scale over `values` on the page from `a` to `b`; a logarithmic one needs values above 0, else it is linear. */
export function scale(values: number[], a: number, b: number, options: { kind?: Kind; zero?: boolean; pad?: number; count?: number } = {}): Scale {
  const finite = values.filter((v) => Number.isFinite(v))
  const kind = options.kind === 'log' && finite.some((v) => v > 0) ? 'log' : 'linear'
  return kind === 'log' ? logarithmic(finite.filter((v) => v > 0), a, b, options) : linear(finite, a, b, options)
}

function logarithmic(values: number[], a: number, b: number, { pad = 1.6 }: { pad?: number }): Scale {
  let lo = Math.min(...values) / pad
  let hi = Math.max(...values) * pad
  if (hi / lo < 10) {
    const middle = Math.sqrt(lo * hi)
    ;[lo, hi] = [middle / Math.sqrt(10), middle * Math.sqrt(10)]
  }
  const s = scaleLog().domain([lo, hi]).range([a, b])
  const along = (v: number) => s(Math.max(v, lo * 1e-3))
  return Object.assign(along, { kind: 'log' as const, domain: [lo, hi] as [number, number], ticks: decades(lo, hi, Math.max(2, Math.round(Math.abs(b - a) / 62))) })
}

function linear(values: number[], a: number, b: number, { zero = false, pad, count = 5 }: { zero?: boolean; pad?: number; count?: number }): Scale {
  const base = zero ? [0, ...values] : values
  let lo = base.length ? Math.min(...base) : 0
  let hi = base.length ? Math.max(...base) : 1
  if (lo === hi) [lo, hi] = [lo - (Math.abs(lo) || 1) / 2, hi + (Math.abs(hi) || 1) / 2]
  const air = (hi - lo) * (pad ?? 0.06)
  const s = scaleLinear().domain([zero && lo === 0 ? 0 : lo - air, hi + air]).range([a, b])
  return Object.assign((v: number) => s(v), { kind: 'linear' as const, domain: s.domain() as [number, number], ticks: s.ticks(count) })
}

/** Powers of ten between lo and hi, at most `most` of them; 1, 2, 5 where there are fewer than two. */
export function decades(lo: number, hi: number, most = 6): number[] {
  const first = Math.ceil(Math.log10(lo) - 1e-9)
  const last = Math.floor(Math.log10(hi) + 1e-9)
  const n = last - first + 1
  if (n < 2) {
    const steps = [1, 2, 3, 5].flatMap((m) => [first - 2, first - 1, first].map((e) => m * 10 ** e)).filter((v) => v >= lo && v <= hi)
    return steps.sort((x, y) => x - y).filter((_, i, all) => all.length <= most || i % 2 === 0)
  }
  const every = Math.ceil(n / most)
  return Array.from({ length: n }, (_, i) => 10 ** (first + i)).filter((_, i) => (last - first - i) % every === 0)
}

/** What stands at a tick of a logarithmic axis: 0.01 to 1000 in full, else a power of ten. */
export function tickText(v: number): string {
  if (v === 0) return '0'
  const size = Math.abs(v)
  if (size >= 1e-2 && size < 1e4) return figure(Number(v.toPrecision(6)), 6)
  const e = Math.floor(Math.log10(size) + 1e-9)
  const m = Number((v / 10 ** e).toPrecision(4))
  const raised = `10^{${e < 0 ? '−' : ''}${Math.abs(e)}}`
  return m === 1 ? raised : `${String(m).replace('-', '−')}\u202f×\u202f${raised}`
}

/** A line through points: "M0 1L2 3"; a place without a number interrupts it. */
export function path(points: [number, number][]): string {
  let pen = 'M'
  let out = ''
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = 'M'
      continue
    }
    out += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`
    pen = 'L'
  }
  return out
}
