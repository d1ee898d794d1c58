/** What a test sample shows: a structure with a value on each atom, or a field. */
import { unit } from '../numbers'
import { numbers, rows } from '../plots/columns'
import type { Column, SampleAnswer } from '../types'
import { radius, symbol } from './elements'
import type { Structure, Vector } from './facing'

export type Paint = 'error' | 'interval' | 'element'

/** The structure of a sample; null where it holds no atoms. */
export function structure(inputs: Record<string, Column>): Structure | null {
  if (!inputs.positions || !inputs.atomic_numbers) return null
  const cell = rows(inputs.cell)
  return { positions: rows(inputs.positions), numbers: numbers(inputs.atomic_numbers), cell: cell.length === 3 ? cell : undefined }
}

/** The output that lives on atoms, a vector first: forces, charges. */
export function atomic(sample: SampleAnswer): string | null {
  const n = sample.inputs.atomic_numbers?.shape[0] ?? 0
  const fits = (roles: Record<string, Column>) => (roles.predicted ?? roles.true)?.shape[0] === n && n > 1
  return Object.keys(sample.outputs).find((name) => fits(sample.outputs[name])) ?? null
}

/** The vector of an output on each atom, where it is one. */
export function vectors(column: Column | undefined): Vector[] {
  return column && column.shape.length === 2 && column.shape[1] === 3 ? rows(column) : []
}

/** One value on each atom: how far off the answer is, or how wide its interval. */
export function painted(sample: SampleAnswer, paint: Paint): { values: number[]; unit: string; label: string } | null {
  const name = atomic(sample)
  if (!name || paint === 'element') return null
  const roles = sample.outputs[name]
  const small = sample.units[name] === 'eV/A'
  const factor = small ? 1000 : 1
  const u = small ? 'meV/Å' : unit(sample.units[name] ?? '1')
  const per = (f: (at: number[]) => number, columns: (Column | undefined)[]) => {
    const all = columns.map(rows)
    return all[0].map((_, i) => factor * f(all.map((c) => c[i]).flat()))
  }
  if (paint === 'interval') {
    if (!roles.lower || !roles.upper) return null
    return { values: per((v) => norm(v.slice(v.length / 2).map((hi, k) => (hi - v[k]) / 2)), [roles.lower, roles.upper]), unit: u, label: 'half interval' }
  }
  if (!roles.true || !roles.predicted) return null
  return { values: per((v) => norm(v.slice(v.length / 2).map((p, k) => p - v[k])), [roles.true, roles.predicted]), unit: u, label: 'error' }
}

const norm = (v: number[]): number => Math.hypot(...v)

/** The same in the XYZ format, for the viewer. */
export function xyz({ positions, numbers: z }: Structure): string {
  return `${z.length}\n\n${z.map((n, i) => `${symbol(n)} ${positions[i].map((v) => v.toFixed(5)).join(' ')}`).join('\n')}\n`
}

/** Spheres of a size as in the poster. */
export const ball = (z: number): number => 0.26 + 0.34 * radius(z)
