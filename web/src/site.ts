/** Where this page is: links to the other pages, its own data, and how more is loaded, over HTTP and from files. */

import type { Mode } from './types'

const script = document.currentScript as HTMLScriptElement | null
const FROM_FILE = location.protocol === 'file:'

/** The folder that holds `api/` and all pages; the page says it (`data-root`), else the script lies in it. */
export const root = new URL(document.body?.dataset.root ?? '.', document.body?.dataset.root ? location.href : (script?.src ?? location.href)).href.replace(/[^/]*$/, '')
/** The folder of the bundle. */
export const bundle = new URL('.', script?.src ?? root).href

/** What the page is called: "leaf", "run", ... */
export const page = (): string => document.body.dataset.page ?? 'map'

/** The page's own JSON. */
export function own<T>(): T | null {
  const node = document.getElementById('data')
  return node?.textContent ? (JSON.parse(node.textContent) as T) : null
}

/** The address of another page, e.g. link('leaf/quantum/spins/'); from files its index.html is named. */
export function link(path = '', query: Record<string, string | undefined> = {}): string {
  if (/^[a-z]+:/.test(path)) return path
  const [folder, hash] = path.split('#')
  const words = Object.entries(query).filter(([, v]) => v !== undefined && v !== '')
  const search = words.map(([k, v]) => `${k}=${encodeURIComponent(v!)}`).join('&')
  const file = FROM_FILE && (folder === '' || folder.endsWith('/')) ? 'index.html' : ''
  return `${root}${folder}${file}${search ? `?${search}` : ''}${hash ? `#${hash}` : ''}`
}

export const leafLink = (path: string, query = {}): string => link(`leaf/${path}/`, query)
export const runLink = (run: string): string => link(`run/${encodeURIComponent(run)}/`)
export const methodLink = (name: string): string => link(`method/${encodeURIComponent(name)}/`)

type Waiting = Record<string, (answer: unknown) => void>
const waiting: Waiting = {}
declare global {
  interface Window {
    erlangenAnswer?: (path: string, answer: unknown) => void
  }
}
window.erlangenAnswer = (path, answer) => waiting[path]?.(answer)

/** A failure in the words of the library. */
export class Refused extends Error {
  constructor(readonly status: number, readonly must: string, readonly came: string, readonly doo: string, readonly field = '') {
    super([must, came, doo].filter(Boolean).join('; '))
  }
}

/** One answer of the API, e.g. load('api/map.json'); from a file, its twin `api/map.js` calls `erlangenAnswer('map', answer)`. */
export async function load<T>(path: string): Promise<T> {
  if (FROM_FILE) return loadTwin<T>(path)
  return answer<T>(await reach(fetch(root + path, { headers: { accept: 'application/json' } })))
}

/** Send something; `body` is JSON, or a file as it is. */
export async function send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const raw = body instanceof Blob
  const type = raw ? 'application/octet-stream' : 'application/json'
  const init = body === undefined ? { method } : { method, headers: { 'content-type': type }, body: raw ? body : JSON.stringify(body) }
  return answer<T>(await reach(fetch(root + path, init)))
}

async function reach(asked: Promise<Response>): Promise<Response> {
  try {
    return await asked
  } catch {
    throw new Refused(0, 'the server answers', 'no answer', 'Is erlangen serve still running?')
  }
}

async function answer<T>(response: Response): Promise<T> {
  const json = await response.json().catch(() => null)
  if (response.ok) return json as T
  const words = json && typeof json === 'object' ? (json as Record<string, string>) : {}
  throw new Refused(response.status, words.must ?? 'the server knows this', words.came ?? `status ${response.status}`, words.do ?? '', words.field)
}

function loadTwin<T>(path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const name = path.replace(/^api\//, '').replace(/\.json$/, '')
    waiting[name] = (value) => resolve(value as T)
    addScript(`${root}api/${name}.js`).catch(() =>
      reject(new Refused(404, 'the export holds this file', path, 'Serve the runs: erlangen serve')),
    )
  })
}

const loaded: Record<string, Promise<void>> = {}

/** A script of the bundle that is needed now, once: lazy('3dmol.js'). */
export function lazy(name: string): Promise<void> {
  return (loaded[name] ??= addScript(`${bundle}lazy/${name}`))
}

function addScript(src: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const node = document.createElement('script')
    node.src = src
    node.onload = () => resolve()
    node.onerror = () => reject(new Error(src))
    document.head.append(node)
  })
}

/** served: with jobs and predictions; public: read-only; export: files, on a host or on a stick. */
export const mode: Mode = FROM_FILE ? 'export' : ((document.body?.dataset.mode as Mode | undefined) ?? 'served')

/** One word of the query. */
export function query(name: string, otherwise = ''): string {
  return new URLSearchParams(location.search).get(name) ?? otherwise
}

/** Put words into the query, without a new page; from files `replaceState` on the same path is allowed. */
export function remember(words: Record<string, string | undefined>): void {
  const params = new URLSearchParams(location.search)
  for (const [k, v] of Object.entries(words)) {
    if (v) params.set(k, v)
    else params.delete(k)
  }
  const search = params.toString()
  try {
    history.replaceState(history.state, '', `${location.pathname}${search ? `?${search.replaceAll('%2C', ',').replaceAll('%2F', '/')}` : ''}${location.hash}`)
  } catch {
    /* a browser that refuses it from files keeps the state of the page only */
  }
}
