/** Prose of docstrings and lessons as parts of text: `code`, *stress*, $TeX$, [links](https://...); never read as HTML. tail: marks that stay on the line of a formula. */
export interface Part {
  kind: 'text' | 'code' | 'em' | 'tex' | 'link'
  text: string
  href?: string
  tail?: string
}

const PIECES = /(`+[^`]+`+|\$[^$\n]+\$|\[[^\]]+\]\(https?:\/\/[^)\s]+\)|\*[^*\s][^*]*\*)/

export function parts(text: string): Part[] {
  const found = text.split(PIECES).filter(Boolean).map((t): Part => {
    if (/^`+[^`]/.test(t) && t.length > 2) return { kind: 'code', text: t.replace(/^`+|`+$/g, '') }
    if (/^\$[^$]+\$$/.test(t)) return { kind: 'tex', text: t.slice(1, -1) }
    const led = /^\[([^\]]+)\]\((https?:\/\/[^)\s]+)\)$/.exec(t)
    if (led) return { kind: 'link', text: led[1], href: led[2] }
    return /^\*[^*\s].*\*$/s.test(t) ? { kind: 'em', text: t.slice(1, -1) } : { kind: 'text', text: t }
  })
  found.forEach((t, i) => {
    const marks = t.kind === 'tex' && found[i + 1]?.kind === 'text' ? /^[.,;:)?!]+/.exec(found[i + 1].text) : null
    if (marks) [t.tail, found[i + 1].text] = [marks[0], found[i + 1].text.slice(marks[0].length)]
  })
  return found.filter((t) => t.text)
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
