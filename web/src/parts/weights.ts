/** An order of one's own: every score and the price, weighted, each relative to the best of those compared. */
import type { CompareAnswer } from '../types'

export type Weights = Record<string, number>

/** "forces_mae:1,price:0.5" and back. */
export function read(text: string): Weights {
  const pairs = text.split(',').map((word) => word.split(':')).filter(([name, n]) => name && Number.isFinite(Number(n)))
  return Object.fromEntries(pairs.map(([name, n]) => [name, Number(n)]))
}
export const written = (weights: Weights): string => Object.entries(weights).filter(([, n]) => n !== 0).map(([k, n]) => `${k}:${n}`).join(',')

/** For every run the weighted mean of log10(value / best): 0 is the best in everything; null where something is missing. */
export function index(answer: CompareAnswer, weights: Weights): (number | null)[] {
  const parts = [
    ...answer.scores.map((s) => ({ weight: weights[s.score.name] ?? 0, values: s.figures.map((f) => f.value), low: s.score.lower_is_better })),
    { weight: weights.price ?? 0, values: answer.runs.map((r) => r.five.find((m) => m.key === 'price')?.figure.value ?? null), low: true },
  ].filter((p) => p.weight > 0)
  const total = parts.reduce((t, p) => t + p.weight, 0)
  if (!total) return answer.runs.map(() => null)
  return answer.runs.map((_, i) => {
    const terms = parts.map((p) => p.weight * apart(p.values, i, p.low))
    const sum = terms.reduce((t, v) => t + v, 0) / total
    return Number.isFinite(sum) ? sum : null
  })
}

function apart(values: (number | null)[], i: number, low: boolean): number {
  const known = values.filter((v): v is number => v !== null && v > 0)
  const v = values[i]
  if (v === null || v <= 0 || !known.length) return NaN
  return low ? Math.log10(v / Math.min(...known)) : Math.log10(Math.max(...known) / v)
}
