/** Jobs as they stand: what the event stream says, put into one state for each job. */
import { root } from '../site'
import type { Event, Job } from '../types'

export interface Live {
  job: string
  state: Job['state'] | 'judging'
  step: number
  total: number
  left: number | null
  rate: number | null
  /** Every figure over the steps, at most `POINTS` of them. */
  curves: Record<string, [number, number][]>
  said: string[]
  run: string
  problem: Event['problem'] | null
  place: number
}

const POINTS = 500
export const ENDED: Live['state'][] = ['done', 'failed', 'cancelled']

export const begun = (job: string): Live => ({ job, state: 'queued', step: 0, total: 0, left: null, rate: null, curves: {}, said: [], run: '', problem: null, place: 0 })

/** The state after one more event. */
export function after(live: Live, event: Event): Live {
  if (event.event === 'hello') {
    const mine = event.jobs?.find((j) => j.job === live.job)
    return mine ? { ...live, state: mine.state, step: mine.step, total: mine.total, left: mine.left, run: mine.run, problem: mine.problem, place: mine.place } : live
  }
  if (event.job !== live.job) return live
  switch (event.event) {
    case 'queued':
    case 'started':
      return { ...live, state: event.event === 'queued' ? 'queued' : 'running' }
    case 'step':
      return { ...live, state: 'running', step: event.step ?? live.step, total: event.total ?? live.total, left: event.left ?? null, rate: event.rate ?? null, curves: grown(live.curves, event) }
    case 'said':
      return { ...live, said: [...live.said, event.text ?? ''].slice(-50) }
    case 'judging':
    case 'judged':
      return { ...live, state: 'judging', left: null }
    case 'done':
      return { ...live, state: 'done', run: event.run ?? live.run, left: 0 }
    case 'failed':
      return { ...live, state: 'failed', problem: event.problem ?? null }
    default:
      return { ...live, state: 'cancelled' }
  }
}

function grown(curves: Live['curves'], event: Event): Live['curves'] {
  const out = { ...curves }
  for (const [name, value] of Object.entries(event.figures ?? {})) {
    if (!Number.isFinite(value)) continue
    const old = out[name] ?? []
    if (old.length && old[old.length - 1][0] >= (event.step ?? 0)) continue
    const all: [number, number][] = [...old, [event.step ?? 0, value]]
    out[name] = all.length > POINTS ? all.filter((_, i) => i % 2 === 0 || i === all.length - 1) : all
  }
  return out
}

const NAMES: Event['event'][] = ['hello', 'queued', 'started', 'step', 'said', 'judging', 'judged', 'done', 'failed', 'cancelled']
const SOON = 1000
const LATEST = 15000

/** Listen to a job. After a break it is asked for again, ever more slowly, and the server replays what was missed; browsers
 * give up where a server that begins answers with an error. Call the answer to stop.
 */
export function listen(job: string, hear: (event: Event) => void, lost: (gone: boolean) => void): () => void {
  let source: EventSource
  let timer: ReturnType<typeof setTimeout> | undefined
  let wait = SOON
  let last = ''
  function open(): void {
    source = new EventSource(`${root}api/events?job=${encodeURIComponent(job)}${last ? `&after=${encodeURIComponent(last)}` : ''}`)
    for (const name of NAMES) source.addEventListener(name, heard)
    source.onopen = () => {
      wait = SOON
      lost(false)
    }
    source.onerror = () => {
      lost(true)
      source.close()
      timer = setTimeout(open, wait)
      wait = Math.min(LATEST, wait * 1.6)
    }
  }
  function heard(message: MessageEvent): void {
    last = message.lastEventId || last
    hear(JSON.parse(message.data) as Event)
  }
  open()
  return () => {
    clearTimeout(timer)
    source.close()
  }
}
