/** Labels beside marks so that no two cover each other: right, left, above, below, else left out (the mark has a title). */

export interface Label {
  x: number
  y: number
  text: string
  anchor: 'start' | 'middle' | 'end'
}
interface Box {
  x0: number
  x1: number
  y0: number
  y1: number
}
const WIDE = 6.6

/** How wide a name stands beside a row. */
export const width = (text: string): number => Math.ceil(WIDE * text.length)

/** An output as one says it: "density_next" is density, "log_psi" log ψ. */
export function quantity(name: string): string {
  return name.replace(/[_ ]next$/, '').replaceAll('_', ' ').replace(/\bpsi\b/g, 'ψ').replace(/^w$/, 'ω')
}
const HIGH = 15

/** Places for `points` in order of importance, within [left, right] x [top, bottom]. */
export function labels(points: { x: number; y: number; text: string }[], [left, right, top, bottom]: [number, number, number, number]): Label[] {
  const taken: Box[] = points.map((p) => ({ x0: p.x - 6, x1: p.x + 6, y0: p.y - 6, y1: p.y + 6 }))
  const out: Label[] = []
  for (const [i, p] of points.entries()) {
    if (!p.text) continue
    const w = p.text.length * WIDE
    const choices: [Label, Box][] = [
      [11, 5, 'start'], [-11, 5, 'end'], [0, -11, 'middle'], [0, 21, 'middle'], [11, -7, 'start'], [11, 17, 'start'], [-11, -7, 'end'], [-11, 17, 'end'],
    ].map(([dx, dy, anchor]) => {
      const [x, y] = [p.x + (dx as number), p.y + (dy as number)]
      const x0 = anchor === 'start' ? x : anchor === 'end' ? x - w : x - w / 2
      return [{ x, y, text: p.text, anchor: anchor as Label['anchor'] }, { x0, x1: x0 + w, y0: y - HIGH + 3, y1: y + 3 }]
    })
    const free = choices.find(([, b]) => b.x0 >= left && b.x1 <= right && b.y0 >= top && b.y1 <= bottom && !taken.some((t, k) => k !== i && t.x0 < b.x1 && t.x1 > b.x0 && t.y0 < b.y1 && t.y1 > b.y0))
    if (!free) continue
    out.push(free[0])
    taken.push(free[1])
  }
  return out
}
