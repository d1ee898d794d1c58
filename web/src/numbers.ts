/** Numbers as one reads them. Exponents are written `10^{−6}`: `parts/Figure.svelte` raises them, `spoken` says them. */

const MINUS = '−'
/** A narrow space at which no line is broken. */
const THIN = '\u202f'

/** 0.0123, 1,350, 4.4 × 10^{−15}: `digits` significant ones. */
export function figure(x: number | null | undefined, digits = 3): string {
  if (x === null || x === undefined || Number.isNaN(x)) return '–'
  if (!Number.isFinite(x)) return x > 0 ? '∞' : `${MINUS}∞`
  if (x === 0) return '0'
  if (Math.abs(x) >= 1e-3 && Math.abs(x) < 1e6) return grouped(Number(x.toPrecision(digits)))
  const [mantissa, exponent] = x.toExponential(Math.min(digits, 2) - 1).split('e')
  return `${signed(String(Number(mantissa)))}${power(Number(exponent))}`
}

/** value ± error, both cut at the second digit of the error: 23.44 ± 0.61, (3.1 ± 0.4) × 10^{−6}. */
export function plusMinus(value: number | null, error: number | null | undefined): string {
  if (value === null || !Number.isFinite(value)) return figure(value)
  if (!error || !Number.isFinite(error) || error <= 1e-9 * Math.abs(value)) return figure(value)
  const size = Math.max(Math.abs(value), error)
  if (size < 1e-3 || size >= 1e6) {
    const exponent = Math.floor(Math.log10(size))
    return `(${plusMinus(value / 10 ** exponent, error / 10 ** exponent)})${power(exponent)}`
  }
  const places = Math.max(0, 1 - Math.floor(Math.log10(error) + 1e-12))
  return `${fixed(value, places)} ± ${fixed(error, places)}`
}

/** Text of the library, "(3.1 ± 0.4)e-6 meV/A", as it is set: exponents raised, a real minus. */
export function set(text: string): string {
  return text
    .replace(/(?<=[\d)])e([+-]?\d+)/g, (_, n) => power(Number(n)))
    .replace(/(^|[\s(±<])-(?=[\d.])/g, `$1${MINUS}`)
    .replaceAll(' +- ', ' ± ')
    .replaceAll('<=', '≤')
    .replaceAll('>=', '≥')
    .replace(/eV\/A(?![a-zA-Z])/g, 'eV/Å')
}

/** 831 µs, 1.37 ms, 12 s, 2.2 min, 3.1 h. */
export function seconds(s: number | null | undefined): string {
  if (s === null || s === undefined || !Number.isFinite(s)) return '–'
  if (s === 0) return '0 s'
  for (const [size, unit, from] of [[3600, 'h', 7200], [60, 'min', 120], [1, 's', 1], [1e-3, 'ms', 1e-3]] as const)
    if (s >= from * (1 - 1e-9)) return `${grouped(Number((s / size).toPrecision(3)))} ${unit}`
  return `${grouped(Number((s * 1e6).toPrecision(3)))} µs`
}

/** 285,872 */
export function count(n: number): string {
  return grouped(Math.round(n))
}

/** "1 method", "3 methods" */
export function counted(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`
}

/** "meV/A" reads meV/Å, "e A" e Å, "cm^-1" cm⁻¹, "1" nothing. */
export function unit(u: string): string {
  if (u === '1' || u === '') return ''
  const raised = u.replace(/\bA\b/g, 'Å').replace(/\^(-?\d+)/g, (_, power: string) => [...power].map((c) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]).join(''))
  return raised.replaceAll('-', MINUS)
}

/** A figure with its bar and unit: "11.7 ± 0.3 meV/Å". */
export function measured(value: number | null, error: number | null | undefined, u = '1'): string {
  return `${plusMinus(value, error)} ${unit(u)}`.trimEnd()
}

/** A factor: × 2.7 */
export function factor(x: number | null | undefined): string {
  return x === null || x === undefined ? '–' : `×${THIN}${figure(x, 2)}`
}

/** A share in percent with its error in percent: 91.3 ± 0.7 % */
export function percent(share: number | null, error?: number | null): string {
  return share === null ? '–' : `${plusMinus(100 * share, error ? 100 * error : error)} %`
}

/** The same text for speech: no signs, no raised figures. */
export function spoken(text: string): string {
  return text
    .replace(/[\u202f ]?×[\u202f ]?10\^\{−?(\d+)\}/g, (all, n) => ` times 10 to the ${all.includes(MINUS) ? 'minus ' : ''}${n}`)
    .replaceAll('±', 'plus or minus')
    .replaceAll('/Å', ' per angstrom')
    .replaceAll(`×${THIN}`, 'times ')
    .replace(/(^|\s)−(?=\d)/g, '$1minus ')
    .replaceAll('µs', 'microseconds')
    .replace(/(\d) ms\b/g, '$1 milliseconds')
    .replace(/(\d) %/g, '$1 percent')
}

/** Plain text where nothing can be raised (titles, CSV): 3.2 × 10⁻⁶ becomes 3.2e-6. */
export function plain(text: string): string {
  return text.replace(/[\u202f ]?×[\u202f ]?10\^\{(−?)(\d+)\}/g, (_, minus, n) => `e${minus ? '-' : ''}${n}`)
}

/** A date as people of all countries read it: 30 Nov 2026. */
export function day(iso: string): string {
  const [year, month, date] = iso.slice(0, 10).split('-').map(Number)
  const names = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
  return month ? `${date} ${names[month - 1]} ${year}` : iso
}

export function power(exponent: number): string {
  return `${THIN}×${THIN}10^{${exponent < 0 ? MINUS : ''}${Math.abs(exponent)}}`
}

export function fixed(x: number, places: number): string {
  return signed(x.toLocaleString('en', { minimumFractionDigits: places, maximumFractionDigits: places }))
}

function grouped(x: number): string {
  return signed(x.toLocaleString('en', { maximumFractionDigits: 12 }))
}

function signed(text: string): string {
  return text.replace('-', MINUS)
}
