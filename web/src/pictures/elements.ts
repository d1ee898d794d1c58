/** What a picture of atoms needs of an element: its symbol, covalent radius [Å] (Cordero et al. 2008) and CPK colour. */
const SYMBOLS = 'X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr'.split(' ')
const RADII: Record<number, number> = { 1: 0.31, 2: 0.28, 3: 1.28, 4: 0.96, 5: 0.84, 6: 0.76, 7: 0.71, 8: 0.66, 9: 0.57, 10: 0.58, 11: 1.66, 12: 1.41, 13: 1.21, 14: 1.11, 15: 1.07, 16: 1.05, 17: 1.02, 18: 1.06, 19: 2.03, 20: 1.76, 22: 1.6, 26: 1.32, 27: 1.26, 28: 1.24, 29: 1.32, 30: 1.22, 31: 1.22, 32: 1.2, 33: 1.19, 34: 1.2, 35: 1.2, 53: 1.39, 56: 2.15, 78: 1.36, 79: 1.36, 82: 1.46 }
const COLOURS: Record<number, string> = { 1: '#e8ecef', 6: '#8b949d', 7: '#6f83e8', 8: '#e2604f', 9: '#79c56d', 11: '#a983d8', 12: '#79b843', 13: '#b7a6a6', 14: '#d3b787', 15: '#ef9a3c', 16: '#e6cf4b', 17: '#57bf57', 19: '#9a6bd0', 20: '#69b34c', 22: '#a9adb3', 26: '#d4753f', 29: '#c67f48', 30: '#8d8fb5', 35: '#b0503f', 53: '#9256a8', 56: '#5c9e3a' }

export const symbol = (z: number): string => SYMBOLS[z] ?? `${z}`
export const number = (s: string): number => SYMBOLS.indexOf(s)
export const radius = (z: number): number => RADII[z] ?? (z > 54 ? 1.6 : 1.4)
export const tint = (z: number): string => COLOURS[z] ?? '#b4a7c7'

/** C2H6O: carbon and hydrogen first, then by alphabet (Hill). */
export function formula(numbers: number[]): string {
  const counts = new Map<string, number>()
  for (const z of numbers) counts.set(symbol(z), (counts.get(symbol(z)) ?? 0) + 1)
  const names = [...counts.keys()].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
  return names.map((n) => `${n}${counts.get(n)! > 1 ? counts.get(n) : ''}`).join('')
  function rank(s: string): number {
    return counts.has('C') ? (s === 'C' ? 0 : s === 'H' ? 1 : 2) : 2
  }
}
