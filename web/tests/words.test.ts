import { expect, test } from 'vitest'
import { found, indexed } from '../src/parts/search'
import { paragraphs, parts, worded } from '../src/parts/words'

test('prose is cut into text, code and stress, and never into HTML', () => {
  expect(parts('a `b` and *c*')).toEqual([{ kind: 'text', text: 'a ' }, { kind: 'code', text: 'b' }, { kind: 'text', text: ' and ' }, { kind: 'em', text: 'c' }])
  expect(parts('at $x^2$ see [it](https://a.b/c)').map((t) => [t.kind, t.text, t.href])).toEqual([['text', 'at ', undefined], ['tex', 'x^2', undefined], ['text', ' see ', undefined], ['link', 'it', 'https://a.b/c']])
  expect(parts('up to $n$, and')).toEqual([{ kind: 'text', text: 'up to ' }, { kind: 'tex', text: 'n', tail: ',' }, { kind: 'text', text: ' and' }])
  expect(parts('[x](javascript:alert(1))').map((t) => t.kind)).toEqual(['text'])
  expect(parts('<img onerror=x> 2 * 3 * 4')).toEqual([{ kind: 'text', text: '<img onerror=x> 2 * 3 * 4' }])
})

test('docstrings flow, what is indented stands', () => {
  expect(paragraphs('One\nsentence.\n\n    s += a\n      b\n')).toEqual([{ code: false, text: 'One sentence.' }, { code: true, text: 's += a\n  b' }])
  expect(worded('LatticeBasis')).toBe('lattice basis')
})

test('search finds leaves before resources, beginnings of words, and forgives one letter', () => {
  const index = indexed([
    { kind: 'resource', title: 'Ethanol tutorial', text: '', href: 'https://example.org' },
    { kind: 'leaf', title: 'Energies and forces', text: 'ethanol, molecular dynamics', href: 'leaf/molecules/forces/' },
    { kind: 'method', title: 'painn', text: 'polarizable atom interaction network', href: 'method/painn/' },
  ])
  expect(found(index, 'ethan').hits.map((h) => h.kind)).toContain('leaf')
  expect(found(index, 'forces').hits[0].href).toBe('leaf/molecules/forces/')
  expect(found(index, 'pain').hits[0].title).toBe('painn')
  expect(found(index, 'energeis').hits[0]?.title).toBe('Energies and forces')
  expect(found(index, 'ethanol zebra')).toMatchObject({ near: true })
  expect(found(index, 'zebra').hits).toEqual([])
})
