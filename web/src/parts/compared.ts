/** A comparison made in the browser from exported records: scores, the five and settings; what needs samples does not. */
import type { CompareAnswer, Figure, RunAnswer, SettingLine } from '../types'

const LACKS: Figure = { value: null, error: null, unit: '', text: '–', by: '', absent: 'this record has no such score' }

/** Records side by side, without letters and paired differences: those are computed from samples, by erlangen. */
export function sideBySide(runs: RunAnswer[]): CompareAnswer {
  const scores = [...new Map(runs.flatMap((r) => r.scores.map((s) => [s.score.name, s.score] as const))).values()]
  return {
    runs: runs.map((r) => ({ run: r.run, href: r.href, title: r.title.replace(/ on .*/, ''), task: r.row.task, five: r.five })),
    scores: scores.map((score) => ({ score, figures: runs.map((r) => r.scores.find((s) => s.score.name === score.name)?.figure ?? LACKS), letters: runs.map(() => '') })),
    differences: [],
    settings: settings(runs),
    notes: runs.length > 1 ? ['Which of them can be told apart is computed from their samples, where these runs are served: erlangen serve'] : [],
  }
}

function settings(runs: RunAnswer[]): SettingLine[] {
  const every = new Map(runs.flatMap((r) => r.settings.map((s) => [`${s.owner} ${s.name}`, s] as const)))
  return [...every.values()].map(({ owner, name }) => {
    const values = runs.map((r) => r.settings.find((s) => s.owner === owner && s.name === name)?.text ?? '–')
    return { owner, name, values, differs: new Set(values).size > 1 }
  })
}
