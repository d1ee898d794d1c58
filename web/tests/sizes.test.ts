/** The budgets of the bundle, as it was built into `erlangen/portal/site`; without one there is nothing to weigh. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'

const SITE = join(import.meta.dirname, '../../erlangen/portal/site')
const zipped = (name: string) => gzipSync(readFileSync(join(SITE, name))).length / 1000
const all = (folder: string): string[] => readdirSync(folder, { withFileTypes: true }).flatMap((f) => (f.isDirectory() ? all(join(folder, f.name)) : [join(folder, f.name)]))

describe.runIf(existsSync(join(SITE, 'portal.js')))('the bundle [kB, gzip]', () => {
  test('first script at most 120', () => expect(zipped('portal.js')).toBeLessThanOrEqual(120))
  test('styles at most 20', () => expect(zipped('portal.css')).toBeLessThanOrEqual(20))
  test('every lazy part at most 250', () => {
    for (const name of readdirSync(join(SITE, 'lazy'))) expect(zipped(`lazy/${name}`)).toBeLessThanOrEqual(250)
  })
  test('fonts at most 160 together', () => {
    const fonts = readdirSync(join(SITE, 'fonts')).map((f) => statSync(join(SITE, 'fonts', f)).size / 1000)
    expect(fonts).toHaveLength(6)
    expect(fonts.reduce((a, b) => a + b)).toBeLessThanOrEqual(160)
  })
  test('at most 3 MB unpacked, with its licences', () => {
    expect(all(SITE).reduce((t, f) => t + statSync(f).size, 0)).toBeLessThanOrEqual(3e6)
    for (const word of ['OFL', 'BSD', 'MIT']) expect(readFileSync(join(SITE, 'licences.txt'), 'utf8')).toContain(word)
  })
  test('is one classic script that loads nothing from elsewhere', () => {
    const text = readFileSync(join(SITE, 'portal.js'), 'utf8')
    expect(text).not.toMatch(/\bimport\s*\(|^\s*import\s|^\s*export\s/m)
    expect(text).not.toMatch(/\beval\(|new Function\(/)
    expect(readFileSync(join(SITE, 'portal.css'), 'utf8')).not.toMatch(/url\((?!["']?\.?\/?fonts\/)/)
  })
})
