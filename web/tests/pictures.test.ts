import { describe, expect, test } from 'vitest'
import { colour, spread } from '../src/pictures/colours'
import { formula, number, symbol } from '../src/pictures/elements'
import { bonds, edges, facing } from '../src/pictures/facing'
import { painted, vectors, xyz } from '../src/pictures/sample'
import type { SampleAnswer } from '../src/types'

const water = { positions: [[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]], numbers: [8, 1, 1] }

describe('atoms', () => {
  test('have symbols, and formulas by Hill', () => {
    expect([symbol(1), symbol(8), symbol(92), number('Og') >= -1]).toEqual(['H', 'O', 'U', true])
    expect(formula([6, 6, 1, 1, 1, 1, 1, 1, 8])).toBe('C2H6O')
    expect(formula([11, 17])).toBe('ClNa')
  })
  test('are bonded where they touch', () => {
    expect(bonds(water)).toEqual([[0, 1], [0, 2]])
  })
  test('are turned, never stretched', () => {
    const turn = facing(water.positions)
    const P = water.positions.map(turn)
    const apart = (a: number[], b: number[]) => Math.hypot(...a.map((v, k) => v - b[k]))
    expect(apart(P[0], P[1])).toBeCloseTo(apart(water.positions[0], water.positions[1]), 9)
    const flat = (i: number, j: number) => Math.hypot(P[i][0] - P[j][0], P[i][1] - P[j][1])
    expect(Math.min(flat(0, 1), flat(0, 2), flat(1, 2))).toBeGreaterThan(0.85)
  })
  test('stand in a cell of twelve edges, or in none', () => {
    expect(edges([[1, 0, 0], [0, 1, 0], [0, 0, 1]])).toHaveLength(12)
    expect(edges([[0, 0, 0], [0, 0, 0], [0, 0, 0]])).toHaveLength(0)
  })
  test('go to the viewer as XYZ', () => {
    expect(xyz(water).split('\n')[2]).toBe('O 0.00000 0.00000 0.12000')
  })
})

test('errors and intervals on atoms are lengths of vectors, in meV per angstrom', () => {
  const column = (values: number[]) => ({ shape: [1, 3], values })
  const sample = { index: 0, count: 1, container: 'Atoms', row: 0, inputs: { atomic_numbers: { shape: [1], values: [1] } }, outputs: { forces: { true: column([0, 0, 0]), predicted: column([0.003, 0.004, 0]), lower: column([-0.1, 0, 0]), upper: column([0.1, 0, 0]) } }, units: { forces: 'eV/A' } } as unknown as SampleAnswer
  expect(painted(sample, 'error')).toBeNull() // one atom: nothing tells an atom's value from a structure's
  const two = { ...sample, inputs: { atomic_numbers: { shape: [2], values: [1, 1] } }, outputs: { forces: Object.fromEntries(Object.entries(sample.outputs.forces).map(([k, c]) => [k, { shape: [2, 3], values: [...c.values, ...c.values] }])) } } as unknown as SampleAnswer
  expect(painted(two, 'error')!.values[0]).toBeCloseTo(5, 9)
  expect(painted(two, 'interval')!.values[1]).toBeCloseTo(100, 9)
  expect(painted(two, 'element')).toBeNull()
  expect(vectors({ shape: [3], values: [1, 2, 3] })).toEqual([])
})

test('a picture has one colour for 0 where values have both signs', () => {
  expect(spread(-1, 3)).toEqual({ lo: -3, hi: 3, diverging: true })
  expect(spread(0, 3).diverging).toBe(false)
  expect(spread(2, 2).hi).toBeGreaterThan(2)
  const [r, g, b] = colour(0.5, true)
  expect(Math.max(r, g, b) - Math.min(r, g, b)).toBeLessThan(12)
  expect(colour(NaN, false)).toEqual(colour(0, false))
})
