import { expect, test } from 'vitest'
import { after, begun } from '../src/parts/jobs'
import { leafLink, link, root } from '../src/site'

const event = (kind: string, more = {}) => ({ event: kind, job: 'j', at: 0, ...more }) as Parameters<typeof after>[1]

test('a job is told by its events', () => {
  let live = begun('j')
  live = after(live, event('started'))
  live = after(live, event('step', { step: 10, total: 100, left: 9, rate: 10, figures: { loss: 0.5, bad: NaN } }))
  live = after(live, event('step', { step: 10, total: 100, figures: { loss: 0.4 } }))
  expect(live).toMatchObject({ state: 'running', step: 10, total: 100 })
  expect(live.curves).toEqual({ loss: [[10, 0.5]] }) // a step that is replayed counts once
  expect(after(live, event('step', { job: 'other', step: 99 }))).toBe(live)
  live = after(live, event('judging'))
  expect(after(live, event('done', { run: 'r' }))).toMatchObject({ state: 'done', run: 'r' })
  expect(after(live, event('failed', { problem: { must: 'a', came: 'b', do: 'c', field: '' } })).problem?.must).toBe('a')
})

test('a curve never grows beyond 500 points', () => {
  let live = begun('j')
  for (let step = 1; step <= 3000; step++) live = after(live, event('step', { step, total: 3000, figures: { loss: 1 / step } }))
  expect(live.curves.loss.length).toBeLessThanOrEqual(501)
  expect(live.curves.loss.at(-1)![0]).toBe(3000)
})

test('links are made from the root of the site', () => {
  expect(root).toBe('http://127.0.0.1:8000/')
  expect(leafLink('quantum/spins')).toBe('http://127.0.0.1:8000/leaf/quantum/spins/')
  expect(link('leaf/quantum/spins/#run', { score: 'energy' })).toBe('http://127.0.0.1:8000/leaf/quantum/spins/?score=energy#run')
  expect(link('https://arxiv.org/abs/2307.08423')).toBe('https://arxiv.org/abs/2307.08423')
})
