/** Predictions of an own file: what came, which record answers, what it answers. */
import { load, Refused, send } from '../site'
import type { PredictedSample, PredictionAnswer, UploadAnswer } from '../types'
import { numbers, range } from '../plots/columns'
import { figure, plusMinus, unit } from '../numbers'

const SOON = 400
const LATEST = 3000
const ENDED = ['done', 'failed', 'cancelled']

/** Send a file and wait until it is read. */
export async function upload(file: File, limit: number, say: (text: string) => void): Promise<UploadAnswer> {
  if (file.size > limit * 1e6) throw new Refused(413, `a file has at most ${limit} MB`, `${(file.size / 1e6).toFixed(1)} MB`, 'Take fewer frames, or run erlangen predict on your own machine.')
  say(`Sending ${file.name}…`)
  let found = await send<UploadAnswer>('PUT', `api/uploads/${encodeURIComponent(file.name)}`, file)
  say(`Reading ${file.name}…`)
  for (let wait = SOON; found.state === 'parsing'; wait = Math.min(LATEST, wait * 1.5)) {
    await new Promise((r) => setTimeout(r, wait))
    found = await load<UploadAnswer>(`api/uploads/${found.upload}.json`)
  }
  if (found.state === 'refused' && found.problem) throw new Refused(422, found.problem.must, found.problem.came, found.problem.do, found.problem.field)
  return found
}

/** Ask a record, and wait for its answer. */
export async function predicted(run: string, upload: string, say: (text: string) => void): Promise<PredictionAnswer> {
  const begun = await send<{ job: string; prediction?: string }>('POST', 'api/predictions', { run, upload })
  const id = begun.prediction ?? begun.job
  say('Waiting for the record…')
  for (let wait = SOON; ; wait = Math.min(LATEST, wait * 1.4)) {
    const found = await load<PredictionAnswer>(`api/predictions/${id}.json`)
    if (ENDED.includes(found.state)) {
      if (found.problem) throw new Refused(422, found.problem.must, found.problem.came, found.problem.do, found.problem.field)
      return found
    }
    say(found.state === 'running' ? 'The record answers…' : 'Waiting in the queue…')
    await new Promise((r) => setTimeout(r, wait))
  }
}

/** One output of one sample in words: a number with its interval, or the range of an array. */
export function told(sample: PredictedSample, output: string, u: string): string {
  const roles = sample.outputs[output]
  const values = numbers(roles.predicted)
  const [lower, upper] = [numbers(roles.lower), numbers(roles.upper)]
  const tail = unit(u) ? ` ${unit(u)}` : ''
  if (values.length === 1) {
    if (!lower.length) return `${figure(values[0], 6)}${tail}`
    const [below, above] = [values[0] - lower[0], upper[0] - values[0]]
    const even = Math.abs(below - above) < 0.02 * (below + above)
    return even ? `${plusMinus(values[0], (below + above) / 2)}${tail}` : `${figure(values[0], 5)}, ${figure(lower[0], 5)} to ${figure(upper[0], 5)}${tail}`
  }
  const [lo, hi] = range(values)
  const half = lower.length ? upper.map((v, i) => (v - lower[i]) / 2) : []
  const wide = half.length ? `, half interval ${figure(half.reduce((a, b) => a + b, 0) / half.length, 2)}` : ''
  return `${values.length.toLocaleString('en')} values from ${figure(lo)} to ${figure(hi)}${wide}${tail}`
}
