/** Prose of docstrings and lessons as parts of text: `code` and *stress*; nothing in it is ever read as HTML. */
export interface Part {
  kind: 'text' | 'code' | 'em'
  text: string
}

export function parts(text: string): Part[] {
  return text
    .split(/(`+[^`]+`+|\*[^*\s][^*]*\*)/)
    .filter(Boolean)
    .map((t) => (/^`+[^`]/.test(t) && t.length > 2 ? { kind: 'code', text: t.replace(/^`+|`+$/g, '') } : /^\*[^*\s].*\*$/s.test(t) ? { kind: 'em', text: t.slice(1, -1) } : { kind: 'text', text: t }))
}

/** Paragraphs of a docstring: what is indented is set as it stands, the rest flows. */
export function paragraphs(doc: string): { code: boolean; text: string }[] {
  return doc.split(/\n\s*\n/).filter((p) => p.trim()).map((p) => {
    const lines = p.replace(/\s+$/, '').split('\n')
    const indent = Math.min(...lines.filter((l) => l.trim()).map((l) => l.length - l.trimStart().length))
    const code = indent >= 2
    return { code, text: code ? lines.map((l) => l.slice(indent)).join('\n') : lines.map((l) => l.trim()).join(' ') }
  })
}

/** LatticeBasis reads "lattice basis". */
export const worded = (name: string): string => name.replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ').toLowerCase()
