import { describe, expect, test } from 'vitest'
import { decades, path, scale, tickText } from '../src/plots/scales'
import { labels } from '../src/plots/labels'

describe('a scale', () => {
  test('is logarithmic where values allow it, and covers all of them', () => {
    const s = scale([0.01, 80], 0, 200, { kind: 'log' })
    expect(s.kind).toBe('log')
    for (const v of [0.01, 0.5, 80]) expect(s(v)).toBeGreaterThan(0)
    expect(s(80)).toBeLessThan(200)
    expect(s(1) - s(0.1)).toBeCloseTo(s(10) - s(1), 6)
  })
  test('is linear where no value is above 0', () => {
    expect(scale([-1, 0], 0, 100, { kind: 'log' }).kind).toBe('linear')
  })
  test('of one value spans a decade, so that one mark stands in the middle', () => {
    const s = scale([23.4], 0, 100, { kind: 'log' })
    expect(s.domain[1] / s.domain[0]).toBeGreaterThanOrEqual(9.99)
    expect(s(23.4)).toBeCloseTo(50, 6)
  })
  test('of equal values or none is not empty', () => {
    expect(scale([2, 2], 0, 100)(2)).toBeCloseTo(50, 6)
    expect(Number.isFinite(scale([], 0, 100)(0.5))).toBe(true)
  })
  test('from zero starts at zero', () => {
    expect(scale([3, 9], 0, 100, { zero: true })(0)).toBe(0)
  })
})

test('decades are few enough, and there are always two ticks', () => {
  expect(decades(1e-16, 1, 5).length).toBeLessThanOrEqual(5)
  expect(decades(0.02, 300)).toEqual([0.1, 1, 10, 100])
  expect(decades(3e-4, 9e-4).length).toBeGreaterThanOrEqual(1)
})

test('ticks are read as numbers up to a thousand, as powers beyond', () => {
  expect([0.01, 1, 1000, 1e-5, 1e7, 0].map(tickText)).toEqual(['0.01', '1', '1,000', '10^{−5}', '10^{7}', '0'])
})

test('a line is interrupted where there is no number', () => {
  expect(path([[0, 0], [1, 1], [NaN, 2], [3, 3]])).toBe('M0.0 0.0L1.0 1.0M3.0 3.0')
})

test('labels never cover each other or a mark', () => {
  const points = [{ x: 50, y: 50, text: 'first' }, { x: 62, y: 52, text: 'second' }, { x: 55, y: 60, text: 'third' }]
  const placed = labels(points, [0, 400, 0, 300])
  const boxes = placed.map((l) => {
    const w = l.text.length * 6.6
    const x0 = l.anchor === 'start' ? l.x : l.anchor === 'end' ? l.x - w : l.x - w / 2
    return { x0, x1: x0 + w, y0: l.y - 12, y1: l.y + 3 }
  })
  for (const [i, a] of boxes.entries()) for (const b of boxes.slice(i + 1)) expect(a.x0 < b.x1 && a.x1 > b.x0 && a.y0 < b.y1 && a.y1 > b.y0).toBe(false)
  expect(placed.length).toBeGreaterThan(0)
})
