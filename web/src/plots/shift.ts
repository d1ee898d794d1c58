/** Shift rows of a record as curves: one for each axis, with the value at home as its origin. */

export interface RawShift {
  axis: string
  value: number | string
  unit: string
  scores: { name: string; value: number | null; error: number | null; unit: string; label: string }[]
  ratio: number | null
}
export interface RawCoverage {
  where: string
  output: string
  level: number
  coverage: number | null
  error: number | null
}
export interface Point {
  at: number
  text: string
  value: number
  error: number
  ratio: number | null
  coverage: number | null
  coverageError: number
  home: boolean
}
export interface ShiftCurve {
  axis: string
  unit: string
  points: Point[]
}

interface Raw {
  scores: RawShift['scores']
  shifts: RawShift[]
  coverage: RawCoverage[]
  task_fields: Record<string, unknown>
}

/** One curve for each axis. Numbers keep their distance, words and a home without a number stand one step apart. */
export function curves(record: Raw): ShiftCurve[] {
  const first = record.scores[0]
  if (!first) return []
  const covered = headline(record)
  return [...new Set(record.shifts.map((s) => s.axis))].map((axis) => {
    const rows = record.shifts.filter((s) => s.axis === axis && s.scores[0]?.value !== null)
    const home = record.task_fields[axis]
    const numeric = rows.every((r) => typeof r.value === 'number') && (typeof home === 'number')
    const unit = rows[0]?.unit ?? '1'
    const make = (at: number, text: string, s: RawShift['scores'][0], ratio: number | null, where: (w: string) => boolean): Point => {
      const c = covered.find((row) => where(row.where))
      return { at, text, value: s.value as number, error: s.error ?? 0, ratio, coverage: c?.coverage ?? null, coverageError: c?.error ?? 0, home: ratio === null }
    }
    const points = rows.map((r, i) => make(numeric ? (r.value as number) : i + 1, name(r.value), r.scores[0], r.ratio, (w) => same(w, axis, r.value)))
    const origin = make(numeric ? (home as number) : 0, typeof home === 'number' ? `${name(home)}, trained` : 'as trained', first, null, (w) => w === 'test')
    return { axis, unit, points: [origin, ...points].sort((a, b) => a.at - b.at) }
  })
}

const name = (v: number | string): string => (typeof v === 'number' ? String(Number(v.toPrecision(6))) : v.split('/').pop()!)

function same(where: string, axis: string, value: number | string): boolean {
  const [a, v] = where.split(/=(.*)/s)
  return a === axis && (v === String(value) || (typeof value === 'number' && Number(v) === value))
}

/** Coverage rows at the level nearest to 90 %, of the output that the first score judges. */
export function headline(record: { coverage: RawCoverage[]; scores: { name: string }[] }): RawCoverage[] {
  const tests = record.coverage.filter((r) => r.where === 'test' && r.coverage !== null)
  if (!tests.length) return []
  const judged = record.scores[0]?.name ?? ''
  const best = tests.reduce((a, b) => (rank(b, judged) < rank(a, judged) ? b : a))
  return record.coverage.filter((r) => r.output === best.output && r.level === best.level && r.coverage !== null)
}

const rank = (r: RawCoverage, judged: string): number => Math.abs(r.level - 0.9) * 10 + (judged.includes(r.output) ? 0 : 1)
