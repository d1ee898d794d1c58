/** One search for everything: areas, leaves, methods, runs, resources, lessons. */
import MiniSearch from 'minisearch'
import { load } from '../site'
import type { SearchAnswer, SearchEntry } from '../types'

export type Found = SearchEntry & { id: number }
const ORDER = ['leaf', 'area', 'method', 'lesson', 'run', 'page', 'resource']
let index: Promise<MiniSearch<Found>> | null = null

/** An index of these entries; titles weigh most. */
export function indexed(entries: SearchEntry[]): MiniSearch<Found> {
  const made = new MiniSearch<Found>({
    fields: ['title', 'text', 'href'],
    storeFields: ['kind', 'title', 'text', 'href'],
    searchOptions: { boost: { title: 3 }, prefix: true, fuzzy: (term) => (term.length > 3 ? 0.2 : false), combineWith: 'AND' },
    tokenize: (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean),
  })
  made.addAll(entries.map((entry, id) => ({ ...entry, id })))
  return made
}

/** At most `most` things that match, leaves before resources; the nearest names where nothing matches all words. */
export function found(made: MiniSearch<Found>, words: string, most = 12): { hits: Found[]; near: boolean } {
  const all = made.search(words)
  const hits = all.length ? all : made.search(words, { combineWith: 'OR', fuzzy: 0.4 })
  const sorted = hits.map((hit) => ({ hit, rank: hit.score * (1.4 - 0.12 * Math.max(0, ORDER.indexOf(hit.kind))) })).sort((a, b) => b.rank - a.rank)
  return { hits: sorted.slice(0, most).map(({ hit }) => hit as unknown as Found), near: !all.length && sorted.length > 0 }
}

/** The index of this site, loaded at the first question. */
export function everything(): Promise<MiniSearch<Found>> {
  return (index ??= load<SearchAnswer>('api/search.json').then((answer) => indexed(answer.entries)))
}
