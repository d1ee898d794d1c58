/** From where to look at atoms, and what is painted in which order. */
import { radius } from './elements'

export type Vector = number[]
export type Turn = (p: Vector) => Vector
export interface Structure {
  positions: Vector[]
  numbers: number[]
  cell?: Vector[]
}

/** The view in which the two atoms that come nearest on the page are farthest apart, its longer side laid across. */
export function facing(positions: Vector[]): Turn {
  if (positions.length > 400) return straightened(positions, (p) => p)
  const n = positions.length > 60 ? 12 : 40
  let best: Turn = (p) => p
  let most = -1
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n / 2; j++) {
      const turn = view((i * 2 * Math.PI) / (2 * n), (j * Math.PI) / (n / 2))
      const near = closest(positions.map(turn), most)
      if (near > most) [most, best] = [near, turn]
    }
  return straightened(positions, best)
}

function view(a: number, b: number): Turn {
  const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)]
  return (p) => {
    const x = p[0] * ca + p[1] * sa
    const y = -p[0] * sa + p[1] * ca
    return [x, y * cb - p[2] * sb, y * sb + p[2] * cb]
  }
}

/** The least distance on the page; stops early where it is not more than `enough`. */
function closest(P: Vector[], enough: number): number {
  let near = Infinity
  for (let k = 0; k < P.length; k++)
    for (let l = 0; l < k; l++) {
      near = Math.min(near, Math.hypot(P[k][0] - P[l][0], P[k][1] - P[l][1]))
      if (near <= enough) return near
    }
  return near
}

function straightened(positions: Vector[], turn: Turn): Turn {
  const P = positions.map(turn)
  const mean = (k: number) => P.reduce((t, p) => t + p[k], 0) / P.length
  const [mx, my] = [mean(0), mean(1)]
  const sum = (f: (x: number, y: number) => number) => P.reduce((t, p) => t + f(p[0] - mx, p[1] - my), 0)
  const c = Math.atan2(2 * sum((x, y) => x * y), sum((x) => x * x) - sum((_, y) => y * y)) / 2
  return (p) => {
    const [x, y, z] = turn(p)
    return [x * Math.cos(c) + y * Math.sin(c), -x * Math.sin(c) + y * Math.cos(c), z]
  }
}

/** Pairs of atoms that are bonded: nearer than 1.25 times the sum of their covalent radii. */
export function bonds({ positions, numbers }: Structure): [number, number][] {
  const out: [number, number][] = []
  if (positions.length > 1500) return out
  for (let i = 0; i < positions.length; i++)
    for (let j = i + 1; j < positions.length; j++) {
      const most = 1.25 * (radius(numbers[i]) + radius(numbers[j]))
      const [x, y, z] = positions[i].map((v, k) => v - positions[j][k])
      if (Math.abs(x) < most && x * x + y * y + z * z < most * most) out.push([i, j])
    }
  return out
}

/** The twelve edges of a cell, from the origin. */
export function edges(cell: Vector[]): [Vector, Vector][] {
  if (cell.length !== 3 || cell.some((v) => Math.hypot(...v) < 1e-9)) return []
  const corner = (i: number) => [0, 1, 2].map((k) => (i & 1) * cell[0][k] + ((i >> 1) & 1) * cell[1][k] + ((i >> 2) & 1) * cell[2][k])
  const out: [Vector, Vector][] = []
  for (let i = 0; i < 8; i++) for (const b of [1, 2, 4]) if (!(i & b)) out.push([corner(i), corner(i | b)])
  return out
}
