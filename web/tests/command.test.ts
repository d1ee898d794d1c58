import { describe, expect, test } from 'vitest'
import { changed, command, initial, literal, python, typed, word } from '../src/parts/command'
import type { JobRequest, Setting } from '../src/types'

const setting = (name: string, kind: Setting['kind'], value: unknown, more: Partial<Setting> = {}): Setting => ({ name, kind, default: value, choices: [], required: false, optional: false, comment: '', annotation: '', ...more })
const job: JobRequest = { task: 'molecules/forces', task_fields: { molecule: 'ethanol' }, method: 'painn', method_fields: {}, wraps: [{ name: 'conformal', settings: {} }], budget: '2m', seed: 0 }

describe('a run in words', () => {
  test('is the command line of the package', () => {
    expect(command(job)).toBe('erlangen run molecules/forces --method painn --molecule ethanol --wrap conformal --budget 2m')
    expect(command({ ...job, method_fields: { energy_weight: 0.2, training: { rate: 0.001 } }, seed: 3 })).toContain('--energy-weight 0.2 --training.rate 0.001')
    expect(command({ ...job, task_fields: { seed: 2, flip: false }, method_fields: { flip: true } })).toContain('--task.seed 2 --no-task.flip --method.flip')
  })
  test('names wrappers from the inside out', () => {
    expect(command({ ...job, wraps: [{ name: 'conformal', settings: { level: 0.8 } }, { name: 'variance_heads', settings: {} }] })).toContain('--wrap variance-heads --wrap conformal --conformal-level 0.8')
  })
  test('cannot run anything else in a shell', () => {
    expect(word('a; rm -rf /')).toBe("'a; rm -rf /'")
    expect(word("it's")).toBe(`'it'"'"'s'`)
    expect(command({ ...job, task_fields: { molecule: '$(id)' } })).toContain(`--molecule '$(id)'`)
  })
  test('is Python as well', () => {
    expect(python({ ...job, wraps: [], task_fields: {} })).toContain('erlangen.run("molecules/forces", "painn", budget="2m", seed=0)')
    expect(python(job)).toContain('erlangen.run(erlangen.load_task("molecules/forces")(molecule="ethanol"), erlangen.Conformal(erlangen.load_method("painn")()), budget="2m", seed=0)')
    expect(literal([1, 'a', null, true])).toBe('(1, "a", None, True)')
  })
})

describe('a form', () => {
  const settings = [setting('n', 'int', 16), setting('rate', 'float', 0.1), setting('name', 'text', 'ethanol'), setting('flip', 'bool', false), setting('most', 'int', null, { optional: true }), setting('levels', 'list', [1, 2])]
  const start = Object.fromEntries(settings.map((s) => [s.name, initial(s)]))
  test('asks for nothing that is the default', () => {
    expect(changed(settings, start)).toEqual({})
  })
  test('sends numbers as numbers, and what is none as it was typed', () => {
    expect(changed(settings, { ...start, n: '32', rate: '1e-3', flip: true })).toEqual({ n: 32, rate: 0.001, flip: true })
    expect(changed(settings, { ...start, n: 'many' })).toEqual({ n: 'many' })
    expect(changed(settings, { ...start, levels: '1, 3' })).toEqual({ levels: [1, 3] })
  })
  test('takes an empty field as the default', () => {
    expect(typed(settings[4], '')).toBeNull()
    expect(changed(settings, { ...start, n: '' })).toEqual({})
  })
})
