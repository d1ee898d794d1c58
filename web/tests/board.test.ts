import { describe, expect, test } from 'vitest'
import { csv, quoted, ranked } from '../src/parts/board'
import { sorted } from '../src/parts/order'
import { index, read, written } from '../src/parts/weights'
import type { Board, BoardRow, CompareAnswer, Figure } from '../src/types'

const figure = (value: number | null, error = 0.1): Figure => ({ value, error, unit: 'meV', text: String(value), by: '', absent: value === null ? 'infinite' : '' })
const row = (name: string, value: number | null, kind: BoardRow['kind'] = 'ours'): BoardRow => ({ kind, name, detail: '', run: '', href: '', figures: { mae: figure(value) }, seconds: null, seconds_text: '', group: '', source: '', shipped: false, state: 'done' })
const board: Board = { score: 'mae', scores: [{ name: 'mae', label: 'MAE', unit: 'meV', lower_is_better: true }], bars: '', rows: [row('far', 9), row('none', null), row('near', 1), row('published', 3, 'published')] }

describe('a board', () => {
  test('ranks the best first and what has no number last', () => {
    expect(ranked(board, board.scores[0]).map((r) => r.name)).toEqual(['near', 'published', 'far', 'none'])
    expect(ranked(board, { ...board.scores[0], lower_is_better: false })[0].name).toBe('far')
  })
  test('as CSV holds every row with full digits', () => {
    const lines = csv({ ...board, rows: [row('a,b', 1 / 3)] }).split('\r\n')
    expect(lines[0]).toContain('mae [meV],mae error [meV]')
    expect(lines[1]).toContain('"a,b"')
    expect(lines[1]).toContain(String(1 / 3))
  })
  test('never hands a formula to a spreadsheet', () => {
    expect(quoted('=HYPERLINK("x")')).toBe(`"'=HYPERLINK(""x"")"`)
    expect(quoted(-1.5)).toBe('-1.5')
  })
})

test('tables sort both ways, with what is missing last in both', () => {
  const rows = [{ v: 2 }, { v: null }, { v: 1 }]
  const by = { v: (r: { v: number | null }) => r.v }
  expect(sorted(rows, by, 'v').map((r) => r.v)).toEqual([1, 2, null])
  expect(sorted(rows, by, '-v').map((r) => r.v)).toEqual([2, 1, null])
  expect(sorted(rows, by, 'unknown')).toBe(rows)
})

describe('an order of one’s own', () => {
  const answer = { runs: [{ five: [] }, { five: [] }], scores: [{ score: board.scores[0], figures: [figure(1), figure(10)], letters: [] }], differences: [], settings: [], notes: [] } as unknown as CompareAnswer
  test('is 0 for the best in everything, 1 for ten times as far', () => {
    expect(index(answer, { mae: 2 })).toEqual([0, 1])
  })
  test('is none without weights or numbers', () => {
    expect(index(answer, {})).toEqual([null, null])
    expect(index(answer, { mae: 1, price: 1 })).toEqual([null, null])
  })
  test('comes back from the link', () => {
    expect(read(written({ mae: 1, price: 0.5, nothing: 0 }))).toEqual({ mae: 1, price: 0.5 })
    expect(read('<img>:x,mae:1')).toEqual({ mae: 1 })
  })
})

test('records are set side by side from their files', async () => {
  const { sideBySide } = await import('../src/parts/compared')
  const run = (name: string, value: number, rate: string) => ({ run: name, href: '', title: name, row: { task: 'a/b' }, five: [], scores: [{ score: board.scores[0], figure: figure(value), floor: '' }], settings: [{ owner: 'method', name: 'rate', text: rate }, { owner: 'task', name: 'n', text: '3' }] }) as unknown as import('../src/types').RunAnswer
  const both = sideBySide([run('x', 1, '0.1'), { ...run('y', 2, '0.2'), scores: [] }])
  expect(both.scores[0].figures.map((f) => f.value)).toEqual([1, null])
  expect(both.settings.map((s) => [s.name, s.differs])).toEqual([['rate', true], ['n', false]])
  expect(both.notes[0]).toContain('erlangen serve')
})
