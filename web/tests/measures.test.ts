import { describe, expect, test } from 'vitest'
import { strip, tick } from '../src/measures/strip'
import { curves, headline, type RawCoverage } from '../src/plots/shift'
import type { Mark, Measure } from '../src/types'

const mark = (kind: Mark['kind'], value: number, error: number | null = null): Mark => ({ kind, value, error, label: kind, text: '', source: '' })
const measure = (key: Measure['key'], axis: Measure['axis'], marks: Mark[], unit = '1'): Measure => ({ key, title: '', figure: { value: 1, error: null, unit, text: '', by: '', absent: '' }, what: '', note: '', sentence: 'said', good: null, axis, marks })

describe('the small plot of a measure', () => {
  test('has every mark inside its width, ours on top', () => {
    const drawn = strip(measure('error', 'log', [mark('ours', 11.7, 0.3), mark('opponent', 0.016), mark('published', 2.1), mark('opponent', 82)]), 206)!
    for (const m of drawn.points) expect(drawn.x(m.value)).toBeGreaterThanOrEqual(0), expect(drawn.x(m.value)).toBeLessThanOrEqual(206)
    expect(drawn.points.at(-1)!.kind).toBe('ours')
    expect(drawn.points).toHaveLength(4)
  })
  test('draws a defect of exactly 0 at the edge instead of losing it', () => {
    const drawn = strip(measure('symmetry', 'log', [mark('ours', 0), mark('ours', 3e-6), mark('limit', 5e-6)]), 206)!
    expect(drawn.points).toHaveLength(2)
    expect(Number.isFinite(drawn.x(0))).toBe(true)
    expect(drawn.x(0)).toBeLessThan(drawn.x(3e-6))
    expect(drawn.safe).toBeCloseTo(drawn.x(5e-6), 6)
  })
  test('keeps lines and points apart', () => {
    const drawn = strip(measure('intervals', 'linear', [mark('ours', 91, 0.7), mark('promise', 90), mark('shifted', 61, 1)], '%'), 206)!
    expect(drawn.lines.map((m) => m.kind)).toEqual(['promise'])
    expect(drawn.x(90)).toBeGreaterThan(drawn.x(61))
  })
  test('is nothing where there is nothing to draw', () => {
    expect(strip(measure('shift', 'linear', []), 206)).toBeNull()
  })
  test('names its ticks by what it measures', () => {
    expect(tick(measure('price', 'log', []), 1e-3)).toBe('1 ms')
    expect(tick(measure('intervals', 'linear', [], '%'), 80)).toBe('80 %')
    expect(tick(measure('intervals', 'linear', []), 0.8)).toBe('80 %')
    expect(tick(measure('shift', 'linear', []), 2)).toBe('×2')
  })
})

const score = (value: number | null) => ({ name: 'forces_mae', value, error: 0.3, unit: 'meV/A', label: 'force MAE' })
const covered = (where: string, output: string, coverage: number, level = 0.9): RawCoverage => ({ where, output, level, coverage, error: 0.01 })
const record = {
  scores: [score(11.7)],
  task_fields: { temperature: 500 } as Record<string, unknown>,
  shifts: [{ axis: 'temperature', value: 1000, unit: 'K', scores: [score(31)], ratio: 2.7 }, { axis: 'temperature', value: 700, unit: 'K', scores: [score(18)], ratio: 1.6 }],
  coverage: [covered('test', 'energy', 0.9), covered('test', 'forces', 0.91), covered('temperature=700.0', 'forces', 0.8), covered('test', 'forces', 0.5, 0.5)],
}

describe('a shift', () => {
  test('begins at home, in the order of the axis', () => {
    const [curve] = curves(record)
    expect(curve.points.map((p) => [p.at, p.home])).toEqual([[500, true], [700, false], [1000, false]])
    expect(curve.points[1].coverage).toBe(0.8)
    expect(curve.points[2].coverage).toBeNull()
  })
  test('along words keeps them one step apart', () => {
    const [curve] = curves({ ...record, task_fields: {}, shifts: [{ ...record.shifts[0], axis: 'file', value: 'far/hot.xyz' }] })
    expect(curve.points.map((p) => p.text)).toEqual(['as trained', 'hot.xyz'])
  })
  test('leaves out a place whose error is no number', () => {
    expect(curves({ ...record, shifts: [{ ...record.shifts[0], scores: [score(null)] }] })[0].points).toHaveLength(1)
  })
  test('is held against the output that is scored, at the level nearest to 90 percent', () => {
    expect(headline(record).map((r) => [r.output, r.level])).toEqual([['forces', 0.9], ['forces', 0.9]])
    expect(headline({ coverage: [], scores: [] })).toEqual([])
  })
})
