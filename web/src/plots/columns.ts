/** Arrays of an answer: flat values with their shape. */
import type { Column } from '../types'

/** Its values as numbers; what is null is no number. */
export function numbers(column: Column | undefined): number[] {
  return (column?.values ?? []).map((v) => (v === null ? NaN : Number(v)))
}

/** Rows of a two-dimensional array (or of any array by its last axis). */
export function rows(column: Column | undefined): number[][] {
  if (!column) return []
  const wide = column.shape.at(-1) ?? 1
  const flat = numbers(column)
  return Array.from({ length: Math.floor(flat.length / wide) }, (_, i) => flat.slice(i * wide, (i + 1) * wide))
}

/** Its values as words. */
export function words(column: Column | undefined): string[] {
  return (column?.values ?? []).map(String)
}

/** The least and the largest of what is a number, without spreading long arrays into arguments. */
export function range(...arrays: number[][]): [number, number] {
  let lo = Infinity
  let hi = -Infinity
  for (const values of arrays)
    for (const v of values) {
      if (v < lo) lo = v
      if (v > hi) hi = v
    }
  return lo <= hi ? [lo, hi] : [0, 1]
}
