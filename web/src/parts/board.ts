/** A board as rows of a table: order, marks, and the same as CSV. */
import type { Board, BoardRow, Figure, Measure, ScoreRow } from '../types'
import { seconds } from '../numbers'

export const KINDS: [BoardRow['kind'], string][] = [
  ['ours', 'answers'],
  ['opponent', 'solvers'],
  ['published', 'published'],
]

export const figureOf = (row: BoardRow, score: string): Figure | undefined => row.figures[score]
export const measureOf = (row: BoardRow, key: Measure['key']): Measure | undefined => row.five?.find((m) => m.key === key)

/** Rows that have the score, the best first. */
export function ranked(board: Board, score: ScoreRow): BoardRow[] {
  const value = (row: BoardRow) => figureOf(row, score.name)?.value ?? NaN
  const way = score.lower_is_better ? 1 : -1
  return board.rows.filter((row) => figureOf(row, score.name)).sort((a, b) => order(value(a), value(b), way))
}

function order(a: number, b: number, way: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return way * (a - b)
}

/** The board as CSV: every score with its bar and unit, full digits. */
export function csv(board: Board): string {
  const scores = board.scores.flatMap((s) => [`${s.name} [${s.unit}]`, `${s.name} error [${s.unit}]`])
  const keys: Measure['key'][] = ['symmetry', 'intervals', 'shift']
  const head = ['kind', 'name', 'detail', ...scores, 'seconds per query', ...keys, 'group', 'source', 'run']
  const lines = board.rows.map((row) => [
    row.kind, row.name, row.detail,
    ...board.scores.flatMap((s) => [row.figures[s.name]?.value ?? '', row.figures[s.name]?.error ?? '']),
    row.seconds ?? '', ...keys.map((k) => measureOf(row, k)?.figure.value ?? ''), row.group, row.source, row.run,
  ])
  return [head, ...lines].map((line) => line.map(quoted).join(',')).join('\r\n') + '\r\n'
}

/** One field of CSV: quoted where it must be, and never read as a formula by a spreadsheet. */
export function quoted(value: string | number): string {
  const text = typeof value === 'string' && /^[=+@-]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Hand a text to the reader as a file. */
export function download(name: string, text: string, type = 'text/csv'): void {
  const a = document.createElement('a')
  a.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }))
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 1000)
}

export const time = (row: BoardRow): string => row.seconds_text || (row.seconds ? seconds(row.seconds) : '')
