/** Sorting of tables: a name of a column, with "-" before it when turned round; rows without a value come last. */
export type Order = string

export function sorted<T>(rows: T[], by: Record<string, (row: T) => number | string | null>, order: Order): T[] {
  const down = order.startsWith('-')
  const value = by[down ? order.slice(1) : order]
  if (!value) return rows
  return [...rows].sort((a, b) => compare(value(a), value(b), down))
}

function compare(a: number | string | null, b: number | string | null, down: boolean): number {
  const gone = (v: unknown) => v === null || (typeof v === 'number' && !Number.isFinite(v))
  if (gone(a) || gone(b)) return Number(gone(a)) - Number(gone(b))
  const way = typeof a === 'string' || typeof b === 'string' ? String(a).localeCompare(String(b)) : (a as number) - (b as number)
  return down ? -way : way
}
