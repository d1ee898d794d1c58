import { describe, expect, test } from 'vitest'
import { line, ratio, said, short, stateOf, step } from '../src/map/colouring'
import { borders, corner, layout, towards, type Cell } from '../src/map/hexes'
import type { MapArea, MapLeaf, Mark, Measure, Scale } from '../src/types'

const leaf = (path: string, more: Partial<MapLeaf> = {}): MapLeaf => ({ path, href: `leaf/${path}/`, title: path, short: '', line: '', symmetry: '', survey: [], chapter: '', state: 'runs', problem: '', charted: true, methods: 2, records: 0, at: [], length_m: [], time_s: [], ...more })
const area = (name: string, scale: Scale, leaves: MapLeaf[]): MapArea => ({ name, href: `area/${name}/`, title: name, scale, leaves })
const mark = (kind: Mark['kind'], value: number): Mark => ({ kind, value, error: null, label: '', text: '', source: '' })
const measure = (key: Measure['key'], value: number | null, marks: Mark[], more: Partial<Measure> = {}): Measure => ({ key, title: key, figure: { value, error: null, unit: '1', text: String(value), by: '', absent: value === null ? 'no intervals' : '' }, what: '', note: '', sentence: `${key} said`, good: null, axis: 'log', marks, ...more })

const CELLS: [string, [number, number]][] = [['quantum/spins', [1, 0]], ['quantum/quench', [0, 2]], ['molecules/forces', [1, 0]], ['molecules/activity', [3, 0]], ['continuum/burgers', [2, 0]]]
const known = CELLS.map(([path, at]) => leaf(path, { at }))
const areas = [area('quantum', 'quantum', known.slice(0, 2)), area('molecules', 'atomistic', known.slice(2, 4)), area('continuum', 'continuum', known.slice(4))]

describe('the map', () => {
  test('places every leaf and every area once, on cells of its own', () => {
    const { cells } = layout(areas)
    expect(cells.map((c) => c.name).sort()).toEqual([...known.map((l) => l.path), '@quantum', '@molecules', '@continuum'].sort())
    expect(new Set(cells.map((c) => `${c.q.toFixed(2)},${c.r}`)).size).toBe(cells.length)
  })
  test('takes in leaves that nobody placed, however many', () => {
    const many = Array.from({ length: 200 }, (_, i) => leaf(`continuum/new${i}`))
    const begun = process.cpuUsage()
    const { cells } = layout([...areas, area('extra', 'continuum', many)])
    expect(process.cpuUsage(begun).user / 1000).toBeLessThan(250) // ms of this process: other work on the machine does not count
    expect(cells.length).toBe(known.length + 200 + 4)
    expect(new Set(cells.map((c) => `${c.q.toFixed(2)},${c.r}`)).size).toBe(cells.length)
  })
  test('follows the cell that the map file names', () => {
    const { cells } = layout([area('quantum', 'quantum', [leaf('quantum/spins', { at: [1, 0] }), leaf('quantum/mine', { at: [2, 3] })])])
    expect(cells.find((c) => c.name === 'quantum/mine')).toMatchObject({ q: 2.5, r: 3 })
  })
  test('keeps continents apart and in their order', () => {
    const { continents, width } = layout(areas)
    expect(continents.map((c) => c.scale)).toEqual(['quantum', 'atomistic', 'continuum'])
    for (const [i, c] of continents.slice(1).entries()) expect(c.from).toBeGreaterThan(continents[i].to)
    expect(continents.at(-1)!.to).toBe(width)
  })
  test('draws a border only between areas', () => {
    const cell = (name: string, q: number, a: string): Cell => ({ name, area: a, scale: 'quantum', q, r: 0 })
    const pair = [cell('a', 0, 'x'), cell('b', 1, 'x')]
    expect(borders(pair[0], pair, 100).match(/M/g)).toHaveLength(5)
    expect(borders(pair[0], [pair[0], { ...pair[1], area: 'y' }], 100).match(/M/g)).toHaveLength(6)
    expect(corner(0, 0, 5, 100)[0]).toBeCloseTo(100, 6)
  })
})

describe('arrows', () => {
  const { cells } = layout(areas)
  test('lead east and back', () => {
    expect(towards(cells, '@quantum', 'ArrowRight')?.name).toBe('quantum/spins')
    expect(towards(cells, 'quantum/spins', 'ArrowLeft')?.name).toBe('@quantum')
  })
  test('reach every cell from any cell', () => {
    const seen = new Set(['quantum/spins'])
    for (const name of seen) for (const arrow of ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']) seen.add(towards(cells, name, arrow)?.name ?? name)
    expect(seen.size).toBe(cells.length)
  })
  test('end at the edge', () => {
    expect(towards(cells, '@quantum', 'ArrowLeft')).toBeNull()
    expect(towards(cells, '@quantum', 'a')).toBeNull()
  })
})

describe('a colouring', () => {
  test('compares the error with the best published value, else with the solvers', () => {
    expect(ratio(measure('error', 20, [mark('ours', 20), mark('published', 10), mark('published', 2), mark('opponent', 1e-6)]))).toBe(10)
    expect(ratio(measure('error', 20, [mark('ours', 20), mark('opponent', 2), mark('opponent', 200)]))).toBeCloseTo(1, 9)
    expect(step(measure('error', 1, [mark('ours', 1), mark('published', 2)]))).toBe(1)
  })
  test('shows a broken promise as such, and nothing where there is nothing', () => {
    expect(step(measure('symmetry', 1e-5, [mark('limit', 5e-6)], { good: false }))).toBe(5)
    expect(step(measure('symmetry', 1e-13, [mark('limit', 5e-6)], { good: true }))).toBe(1)
    expect(step(measure('intervals', null, []))).toBe(0)
    expect(step(undefined)).toBe(0)
    expect(step(measure('price', 2, [mark('ours', 2)]))).toBe(0)
  })
  test('measures intervals in percent', () => {
    const m = measure('intervals', 91.4, [mark('ours', 91.4), mark('promise', 90)], { axis: 'linear' })
    expect(step({ ...m, figure: { ...m.figure, unit: '%' } })).toBe(2)
  })
  test('says the state in words, the number in short', () => {
    const best = leaf('a/b', { five: [measure('error', 23.44, [mark('ours', 23.44)])], records: 1 })
    expect(stateOf(best)).toBe('measured')
    expect(said(best, 'state')).toBe('runs, record here')
    expect(said(best, 'error')).toContain('error said')
    expect(line(leaf('a/c'), 'state')).toBe('2 methods')
    expect(line(leaf('a/c', { methods: 1 }), 'state')).toBe('1 method')
    expect(line(leaf('a/d', { state: 'planned' }), 'state')).toBe('')
    expect(short('23.44 ± 0.61 meV/Å')).toBe('23.4 meV/Å')
    expect(short('(3.65 ± 0.18)e-4')).toBe('3.65e-4')
    expect(short('0.126 ± 0.015 %')).toBe('0.126 %')
  })
})
