import { describe, expect, test } from 'vitest'
import { counted, day, factor, figure, measured, percent, plain, plusMinus, seconds, set, spoken, unit } from '../src/numbers'

const tidy = (text: string) => text.replaceAll('\u202f', '')

describe('a number', () => {
  test('has as many digits as were asked for, and a real minus', () => {
    expect(figure(0.012345)).toBe('0.0123')
    expect(figure(1350.4)).toBe('1,350')
    expect(figure(-2.5)).toBe('−2.5')
    expect(figure(0)).toBe('0')
  })
  test('is a power of ten where it is very small or large', () => {
    expect(tidy(figure(3.24e-6))).toBe('3.2×10^{−6}')
    expect(tidy(figure(2.1e9, 2))).toBe('2.1×10^{9}')
  })
  test('that is none says so', () => {
    expect(figure(null)).toBe('–')
    expect(figure(NaN)).toBe('–')
    expect(figure(Infinity)).toBe('∞')
  })
})

describe('a number with its bar', () => {
  test('is cut at the second digit of the bar, as the library cuts it', () => {
    expect(plusMinus(23.44406, 0.61057)).toBe('23.44 ± 0.61')
    expect(plusMinus(1.0554, 0.0921)).toBe('1.055 ± 0.092')
    expect(plusMinus(1350.2, 12.4)).toBe('1,350 ± 12')
    expect(plusMinus(0.9, 0.1)).toBe('0.90 ± 0.10')
  })
  test('shares one power of ten', () => {
    expect(tidy(plusMinus(3.65e-4, 1.8e-5))).toBe('(3.65 ± 0.18)×10^{−4}')
  })
  test('stands alone where there is no bar', () => {
    expect(plusMinus(2.1, 0)).toBe('2.1')
    expect(plusMinus(2.1, null)).toBe('2.1')
    expect(plusMinus(null, 1)).toBe('–')
  })
  test('has its unit', () => {
    expect(measured(11.71, 0.29, 'meV/A')).toBe('11.71 ± 0.29 meV/Å')
    expect(measured(2, 0, '1')).toBe('2')
    expect(percent(0.9144, 0.0067)).toBe('91.44 ± 0.67 %')
  })
})

test('times are said in the unit that reads best', () => {
  expect([831e-6, 1.37e-3, 12, 131, 7300, 0, null].map((s) => seconds(s))).toEqual(['831 µs', '1.37 ms', '12 s', '2.18 min', '2.03 h', '0 s', '–'])
})

test('units have their letters', () => {
  expect([unit('meV/A'), unit('A^3'), unit('1'), unit('L^2/T'), unit('AU'), unit('cm^-1'), unit('e A')]).toEqual(['meV/Å', 'Å³', '', 'L²/T', 'AU', 'cm⁻¹', 'e Å'])
})

test('texts of the library are set with raised exponents', () => {
  expect(tidy(set('(3.65 ± 0.18)e-4'))).toBe('(3.65 ± 0.18)×10^{−4}')
  expect(tidy(set('largest defect, limit 5e-6'))).toBe('largest defect, limit 5×10^{−6}')
  expect(set('forces_mae <= 10 meV/A')).toBe('forces_mae ≤ 10 meV/Å')
  expect(set('a file named 2e')).toBe('a file named 2e')
  expect(set('2026-11-30-1541-forces-painn-s0')).toBe('2026-11-30-1541-forces-painn-s0')
})

test('speech has no signs', () => {
  expect(spoken(measured(11.7, 0.29, 'meV/A'))).toBe('11.70 plus or minus 0.29 meV per angstrom')
  expect(spoken(figure(3.2e-6))).toBe('3.2 times 10 to the minus 6')
  expect(spoken('−3 and 12 %')).toBe('minus 3 and 12 percent')
})

test('files have plain numbers', () => {
  expect(plain(figure(3.2e-6))).toBe('3.2e-6')
})

test('words around numbers', () => {
  expect([counted(1, 'method'), counted(1200, 'record')]).toEqual(['1 method', '1,200 records'])
  expect(tidy(factor(2.68))).toBe('×2.7')
  expect(day('2026-11-30T15:41:16+0000')).toBe('30 Nov 2026')
})
