/** The map as cells: pointy hexagons in rows, continents side by side, one territory for each area.
 *
 * A leaf stands at its cell (`at` of its page, else the nearest free one to its area); the cell west of the first leaf of
 * an area carries the name of the area.
 */
import type { MapArea, MapLeaf, Scale } from '../types'

export interface Cell {
  /** Path of the leaf, or "@area". */
  name: string
  area: string
  scale: Scale
  /** East, in cells; south, in rows. */
  q: number
  r: number
  leaf?: MapLeaf
}

export interface Layout {
  cells: Cell[]
  rows: number
  /** Width in cells. */
  width: number
  /** Where each continent lies: from, to, in cells. */
  continents: { scale: Scale; from: number; to: number }[]
}

export const CONTINENTS: Scale[] = ['quantum', 'atomistic', 'continuum']
const GAP = 0.366
const LEAST_ROWS = 5
/** The six neighbours, in the order of the edges that are shared with them. */
const BESIDE: [number, number][] = [[0.5, 1], [-0.5, 1], [-1, 0], [-0.5, -1], [0.5, -1], [1, 0]]
const odd = (r: number): number => (r % 2 ? 0.5 : 0)
/** One number for a cell: q is a multiple of one half, plus where its continent begins. */
const key = (q: number, r: number): number => r * 1e6 + Math.round(200 * q)

/** Cells of all areas of the three continents. */
export function layout(areas: MapArea[]): Layout {
  const out: Layout = { cells: [], rows: LEAST_ROWS, width: 0, continents: [] }
  for (const scale of CONTINENTS) {
    const cells = continent(areas.filter((a) => a.scale === scale), scale)
    if (!cells.length) continue
    const from = out.width ? out.width + GAP : 0
    const west = Math.min(...cells.map((c) => c.q))
    const to = from + Math.max(...cells.map((c) => c.q)) - west + 1
    out.cells.push(...cells.map((c) => ({ ...c, q: c.q - west + from })))
    out.continents.push({ scale, from, to })
    out.width = to
  }
  out.rows = Math.max(LEAST_ROWS, ...out.cells.map((c) => c.r + 1))
  return out
}

function continent(areas: MapArea[], scale: Scale): Cell[] {
  const taken = new Map<number, Cell>()
  const put = (cell: Cell) => taken.set(key(cell.q, cell.r), cell)
  const waiting: [MapArea, MapLeaf][] = []
  for (const area of areas)
    for (const leaf of area.leaves) {
      const [column, r] = leaf.at.length === 2 ? leaf.at : [-1, -1]
      if (r < 0 || taken.has(key(column + odd(r), r))) waiting.push([area, leaf])
      else put({ name: leaf.path, area: area.name, scale, q: column + odd(r), r, leaf })
    }
  for (const area of areas) {
    const first = [...taken.values()].find((c) => c.leaf === area.leaves[0])
    const [q, r] = first && !taken.has(key(first.q - 1, first.r)) && first.q >= 1 ? [first.q - 1, first.r] : nearest(taken, area.name, areas.length)
    put({ name: `@${area.name}`, area: area.name, scale, q, r })
  }
  for (const [area, leaf] of waiting) {
    const [q, r] = nearest(taken, area.name, areas.length)
    put({ name: leaf.path, area: area.name, scale, q, r, leaf })
  }
  return [...taken.values()]
}

/** The free cell nearest to the middle of an area that touches it, if there is one; no more rows than needed. */
function nearest(taken: Map<number, Cell>, area: string, areas: number): [number, number] {
  const mine = [...taken.values()].filter((c) => c.area === area)
  const all = [...taken.values()]
  const columns = Math.max(3, Math.ceil(Math.sqrt(all.length)), ...all.map((c) => Math.ceil(c.q + 1)))
  const rows = Math.max(LEAST_ROWS, ...all.map((c) => c.r + 1))
  const middle = (k: 'q' | 'r', otherwise: number) => (mine.length ? mine.reduce((t, c) => t + c[k], 0) / mine.length : otherwise)
  const [mq, mr] = [middle('q', columns / (areas + 1)), middle('r', 0)]
  const touching = new Set(mine.flatMap((m) => BESIDE.map(([dq, dr]) => key(m.q + dq, m.r + dr))))
  let best: [number, number] = [0, rows]
  let least = Infinity
  for (let r = 0; r <= rows; r++)
    for (let c = 0; c <= columns; c++) {
      const q = c + odd(r)
      const far = Math.hypot(q - mq, (r - mr) * 0.75) + (r >= rows ? 3 : 0) + (q > columns - 0.75 ? 2 : 0)
      if (far >= least || taken.has(key(q, r))) continue
      const cost = far + (!mine.length || touching.has(key(q, r)) ? 0 : 4)
      if (cost < least) [least, best] = [cost, [q, r]]
    }
  return best
}

/** Corner k of the cell at (q, r) in px: `w` its width, moved inwards by `inset`. */
export function corner(q: number, r: number, k: number, w: number, inset = 0): [number, number] {
  const h = (w * 2) / Math.sqrt(3)
  const angle = (Math.PI / 3) * k + Math.PI / 6
  const radius = h / 2 - inset
  return [(q + 0.5) * w + radius * Math.cos(angle), r * h * 0.75 + h / 2 + radius * Math.sin(angle)]
}

/** The six corners of a cell as an SVG list of points. */
export function hexagon(q: number, r: number, w: number, inset = 0): string {
  return [0, 1, 2, 3, 4, 5].map((k) => corner(q, r, k, w, inset).map((v) => v.toFixed(1)).join()).join(' ')
}

/** The outline of one cell's territory: the edges that it shares with no cell of its own area. */
export function borders(cell: Cell, cells: Cell[], w: number): string {
  const own = new Set(cells.filter((c) => c.area === cell.area).map((c) => key(c.q, c.r)))
  const edges = BESIDE.map(([dq, dr], k) => (own.has(key(cell.q + dq, cell.r + dr)) ? '' : edge(cell, k, w)))
  return edges.join('')
}

function edge(cell: Cell, k: number, w: number): string {
  const [a, b] = [k, k + 1].map((i) => corner(cell.q, cell.r, i, w).map((v) => v.toFixed(1)).join(' '))
  return `M${a}L${b}`
}

/** The cell that an arrow key leads to: the nearest within 60 degrees of that direction. */
export function towards(cells: Cell[], from: string, arrow: string): Cell | null {
  const start = cells.find((c) => c.name === from)
  const [dx, dy] = ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] } as Record<string, [number, number]>)[arrow] ?? [0, 0]
  if (!start || (!dx && !dy)) return null
  let best: Cell | null = null
  let least = Infinity
  for (const cell of cells) {
    const [x, y] = [cell.q - start.q, (cell.r - start.r) * 0.866]
    const along = x * dx + y * dy
    const far = Math.hypot(x, y)
    if (along <= 1e-9 || along < far * 0.5 - 1e-9) continue
    const cost = far + 0.6 * (far - along) - (x > 0 ? 1e-3 : 0)
    if (cost < least) [least, best] = [cost, cell]
  }
  return best
}
