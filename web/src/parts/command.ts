/** What a form holds as a request, as a command line and as Python: the same run three ways. */
import type { JobRequest, Setting } from '../types'

export type Value = string | number | boolean | null

/** Names that are options of `erlangen run` itself: settings of that name are written with their owner. */
const RESERVED = ['method', 'preset', 'budget', 'seed', 'seeds', 'wrap', 'from', 'out', 'runs', 'resume', 'quiet', 'debug', 'help']

/** A default as the form shows it; nested settings and lists are words. */
export function initial(setting: Setting): Value {
  const d = setting.default
  if (setting.kind === 'bool') return d === null && setting.optional ? null : Boolean(d)
  if (d === null || d === undefined) return ''
  if (typeof d === 'number' && Math.abs(d) >= 1e9) return d.toExponential().replace('e+', 'e')
  return typeof d === 'object' ? JSON.stringify(d) : (d as Value)
}

/** What the reader typed as a JSON value; text that is no number stays text, so that the server can say why. */
export function typed(setting: Setting, value: Value): unknown {
  if (setting.kind === 'bool') return value
  const text = String(value ?? '').trim()
  if (text === '' && (setting.optional || setting.kind !== 'text')) return setting.default ?? null
  if (setting.kind === 'int' || setting.kind === 'float') return Number.isFinite(Number(text)) ? Number(text) : text
  if (setting.kind === 'list' || setting.kind === 'nested') return parsed(text)
  return text
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text.split(',').map((word) => (word.trim() !== '' && Number.isFinite(Number(word)) ? Number(word) : word.trim()))
  }
}

/** Settings that are not their default. */
export function changed(settings: Setting[], values: Record<string, Value>): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const s of settings) {
    if (!(s.name in values)) continue
    const now = typed(s, values[s.name])
    if (JSON.stringify(now) !== JSON.stringify(typed(s, initial(s))) || (s.required && now !== null && now !== '')) out[s.name] = now
  }
  return out
}

/** The command line of a run. */
export function command(job: JobRequest): string {
  const words = ['erlangen', 'run', job.task, '--method', job.method]
  const both = Object.keys(job.task_fields).filter((k) => k in job.method_fields)
  for (const [owner, fields] of [['task', job.task_fields], ['method', job.method_fields]] as const)
    for (const [key, value] of Object.entries(fields)) words.push(...flag(both.includes(key) || RESERVED.includes(key) ? `${owner}.${key}` : key, value))
  for (const wrap of [...job.wraps].reverse()) {
    const kind = wrap.name.replaceAll('_', '-')
    words.push('--wrap', kind, ...Object.entries(wrap.settings).flatMap(([k, v]) => flag(`${kind}-${k}`, v)))
  }
  if (job.budget) words.push('--budget', job.budget)
  if (job.seed) words.push('--seed', String(job.seed))
  return words.join(' ')
}

function flag(name: string, value: unknown): string[] {
  const dashed = name.replaceAll('_', '-')
  if (typeof value === 'boolean') return [`--${value ? '' : 'no-'}${dashed}`]
  if (value && typeof value === 'object' && !Array.isArray(value)) return Object.entries(value).flatMap(([k, v]) => flag(`${name}.${k}`, v))
  return [`--${dashed}`, word(Array.isArray(value) ? value.join(',') : String(value))]
}

/** A word that a shell reads as one. */
export const word = (text: string): string => (/^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`)

/** The same in Python. */
export function python(job: JobRequest): string {
  const given = (fields: Record<string, unknown>) => Object.entries(fields).map(([k, v]) => `${k}=${literal(v)}`).join(', ')
  const task = Object.keys(job.task_fields).length ? `erlangen.load_task("${job.task}")(${given(job.task_fields)})` : `"${job.task}"`
  const plain = !Object.keys(job.method_fields).length && !job.wraps.length
  let method = plain ? `"${job.method}"` : `erlangen.load_method("${job.method}")(${given(job.method_fields)})`
  for (const wrap of [...job.wraps].reverse()) {
    const rest = given(wrap.settings)
    method = `erlangen.${camel(wrap.name)}(${method}${rest ? `, ${rest}` : ''})`
  }
  return `import erlangen\nrun = erlangen.run(${task}, ${method}${job.budget ? `, budget="${job.budget}"` : ''}, seed=${job.seed})`
}

const camel = (name: string): string => name.split('_').map((w) => w[0].toUpperCase() + w.slice(1)).join('')

export function literal(value: unknown): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `(${value.map(literal).join(', ')}${value.length === 1 ? ',' : ''})`
  if (typeof value === 'object') return `{${Object.entries(value!).map(([k, v]) => `"${k}": ${literal(v)}`).join(', ')}}`
  return JSON.stringify(value)
}
