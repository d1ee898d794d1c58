// Made by `python -m erlangen.portal.types` from erlangen/portal/answers/: change those, not this one.

export const FORMAT = 'erlangen-portal-1'

export type Scale = 'quantum' | 'atomistic' | 'continuum' | 'across'

export type State = 'planned' | 'broken' | 'runs' | 'open'

export type Mode = 'served' | 'public' | 'export'

export type Page = 'map' | 'area' | 'leaf' | 'runs' | 'run' | 'compare' | 'methods' | 'method' | 'predict' | 'lessons' | 'lesson' | 'resources' | 'about'

/** A number as it was measured: value, one standard error, how the bar was made, and as text. */
export interface Figure {
  value: number | null
  error: number | null
  unit: string
  text: string
  by: string
  absent: string
}

/** One thing on the axis of a measure. `limit` and `promise` are lines, `floor` the error of the labels. */
export interface Mark {
  kind: 'ours' | 'opponent' | 'published' | 'floor' | 'limit' | 'promise' | 'shifted' | 'float64' | 'unclaimed'
  value: number
  error: number | null
  label: string
  text: string
  source: string
}

/** One of the five. figure.text, what, note: the lines around its plot (figure.absent: why there is no figure).
 *
 * sentence: for speech. axis: of its marks, all in the unit of the figure (ours comes first where there is one).
 * good: whether a promise is kept (declared symmetries hold, intervals hold as often as promised), null where nothing
 * was promised. */
export interface Measure {
  key: 'error' | 'price' | 'symmetry' | 'intervals' | 'shift'
  title: string
  figure: Figure
  what: string
  note: string
  sentence: string
  good: boolean | null
  axis: 'linear' | 'log'
  marks: Mark[]
}

/** A paper, a page, a code, a data set. */
export interface Reference {
  title: string
  href: string
}

/** An array, flat, in C order. */
export interface Column {
  shape: number[]
  values: unknown[]
}

/** A score: what it is called and which way is better. */
export interface ScoreRow {
  name: string
  label: string
  unit: string
  lower_is_better: boolean
}

/** A declared input or output. */
export interface QuantityRow {
  name: string
  label: string
  symbol: string
  unit: string
  axes: string
}

/** Why something was refused (status 4xx): what must hold, what came, what to do; field: of the form. */
export interface Problem {
  must: string
  came: string
  do: string
  field: string
}

/** One leaf of the map. `charted` false: a plug-in's leaf without an entry in the map. five: of the best record. */
export interface MapLeaf {
  path: string
  href: string
  title: string
  short: string
  line: string
  symmetry: string
  survey: number[]
  chapter: string
  state: State
  problem: string
  charted: boolean
  methods: number
  records: number
  at: number[]
  length_m: number[]
  time_s: number[]
  five?: Measure[]
  best?: string
}

/** A branch of the map. */
export interface MapArea {
  name: string
  href: string
  title: string
  scale: Scale
  leaves: MapLeaf[]
}

/** A continent of the map, and the lengths [m] that it spans. */
export interface ScaleRow {
  name: Scale
  title: string
  lengths: number[]
}

/** api/map.json */
export interface MapAnswer {
  format: string
  scales: ScaleRow[]
  areas: MapArea[]
  count: Record<string, number>
}

/** api/area/<area>.json. methods: which method has how many records on which leaf. */
export interface AreaAnswer {
  area: MapArea
  text: string
  methods: MethodRow[]
  resources: Resource[]
}

/** One setting of a task, a method or a wrapper, as a form needs it. `file`: takes an upload, never a path. */
export interface Setting {
  name: string
  kind: 'int' | 'float' | 'bool' | 'choice' | 'text' | 'list' | 'file' | 'nested'
  choices: string[]
  default: unknown
  required: boolean
  optional: boolean
  comment: string
  annotation: string
}

/** Where a task moves away from what was trained on. */
export interface ShiftAxis {
  axis: string
  label: string
  unit: string
  values: string[]
}

/** A value published elsewhere: another kind of mark, never ranked as ours. */
export interface Published {
  name: string
  score: string
  value: number
  unit: string
  source: string
  href: string
}

/** One entry of the link list. */
export interface Resource {
  title: string
  href: string
  kind: string
  areas: string[]
  line: string
  licence: string
  year: number | null
  alive: boolean | null
}

/** What a task says of itself. declared: it was asked (inputs to published), otherwise only its source was read. */
export interface TaskInfo {
  name: string
  title: string
  doc: string
  source: string
  problem: string
  settings: Setting[]
  declared: boolean
  inputs: QuantityRow[]
  outputs: QuantityRow[]
  symmetry: string[]
  scores: ScoreRow[]
  shifts: ShiftAxis[]
  solvers: string[]
  published: Published[]
}

/** One line of a board. figures: by score. group: letters, those who share one cannot be told apart. */
export interface BoardRow {
  kind: 'ours' | 'opponent' | 'published'
  name: string
  detail: string
  run: string
  href: string
  figures: Record<string, Figure>
  seconds: number | null
  seconds_text: string
  five?: Measure[]
  group: string
  source: string
  shipped: boolean
  state: string
}

/** Everyone who answers a leaf, in the order of its first score (`score`). */
export interface Board {
  score: string
  scores: ScoreRow[]
  rows: BoardRow[]
  bars: string
}

/** What opens a leaf, and where the board stands against it. */
export interface Bar {
  text: string
  limit: number
  unit: string
  score: string
  source: string
  command: string
  standing: string
  met: boolean
}

/** A method: what exists. leaves: path -> records of it there. fits: leaves that it accepts. */
export interface MethodRow {
  name: string
  href: string
  family: string
  title: string
  problem: string
  wrapper: boolean
  records: number
  leaves: Record<string, number>
  fits: string[]
}

/** The best record of a leaf: the five, and where it is. */
export interface Best {
  run: string
  href: string
  title: string
  line: string
  five: Measure[]
}

/** api/leaf/<area>/<task>.json. unrun: methods that fit and have no record here. */
export interface LeafAnswer {
  leaf: MapLeaf
  area: string
  area_title: string
  area_href: string
  scale: Scale
  statement: string
  equation: string
  open: string[]
  references: Reference[]
  resources: Resource[]
  bar: Bar | null
  task: TaskInfo | null
  board: Board
  best: Best | null
  answers: MethodRow[]
  unrun: string[]
  wrappers: MethodRow[]
  neighbours: Reference[]
  lesson: string
  command: string
}

/** What a method says of itself. */
export interface MethodInfo {
  name: string
  family: string
  title: string
  doc: string
  source: string
  problem: string
  wrapper: boolean
  settings: Setting[]
  presets: string[]
  keeps: string[]
  declared: boolean
}

/** Where a method stands on one leaf: its best record relative to the best of all and to the solver as accurate. */
export interface MethodPlace {
  leaf: Reference
  scale: Scale
  run: string
  href: string
  score: string
  figure: Figure
  rank: number
  of: number
  to_best: number | null
  to_solver: number | null
  five: Measure[]
}

/** api/method/<name>.json */
export interface MethodAnswer {
  method: MethodInfo
  places: MethodPlace[]
  fits: Reference[]
  runs: RunRow[]
}

/** api/methods.json */
export interface MethodsAnswer {
  methods: MethodRow[]
  families: string[]
  known: boolean
}

/** One record in a list. shipped: a reference record of the package. */
export interface RunRow {
  name: string
  href: string
  task: string
  leaf: string
  scale: Scale
  method: string
  seed: number
  created: string
  state: string
  budget: string
  score: string
  figure: Figure
  fit_seconds: number | null
  query_seconds: number | null
  shipped: boolean
}

/** api/runs.json. count: of all that were asked for; the page /runs/ carries the newest 1,000 of them, the rest is
 * fetched. left_out: folders whose record cannot be read, and why. */
export interface RunsAnswer {
  runs: RunRow[]
  count: number
  tasks: string[]
  methods: string[]
  states: string[]
  left_out: string[]
}

/** A file of a run folder, to download. */
export interface FileRow {
  name: string
  href: string
  bytes: number
}

/** A table of the record as text. */
export interface Section {
  title: string
  header: string[]
  rows: string[][]
}

/** A score of a record with its figure and the error of the labels. */
export interface ScoreFigure {
  score: ScoreRow
  figure: Figure
  floor: string
}

/** An audited symmetry; verdict: holds, VIOLATED, not claimed, broken by the problem. */
export interface CertificateRow {
  subject: string
  group: string
  output: string
  error: number | null
  tolerance: number
  text: string
  verdict: string
}

/** api/run/<name>.json. record: as it is on disk without panels; null figures have their reason in record.absent. */
export interface RunAnswer {
  run: string
  href: string
  title: string
  row: RunRow
  leaf: Reference
  five: Measure[]
  scores: ScoreFigure[]
  certificate: CertificateRow[]
  sections: Section[]
  settings: SettingRow[]
  command: string
  python: string
  messages: string[]
  files: FileRow[]
  same: string[]
  parts: string[]
  samples: number
  record: Record<string, unknown>
}

/** One setting that a run was made with; default: whether it is that of its task or method. */
export interface SettingRow {
  owner: string
  name: string
  text: string
}

/** api/run/<name>/history.json: at most 500 points of every column, of `steps` that were reported. */
export interface HistoryAnswer {
  steps: number
  columns: Record<string, (number | null)[]>
}

/** A histogram: edges (one more than counts). */
export interface Bins {
  edges: number[]
  counts: number[]
}

/** A histogram in two dimensions over the square [low, high]^2: those cells (column, row) that hold something.
 *
 * offset: a constant taken off both axes, because it is much larger than the spread. */
export interface Grid {
  low: number
  high: number
  offset: number
  cells: number
  counts: number[][]
  mae: number
  rmse: number
  r2: number | null
  total: number
}

/** One thing that is drawn. columns: by role (`study.panels`); bins and grid in place of many values. */
export interface SeriesPart {
  label: string
  look: string
  columns: Record<string, Column>
  bins?: Bins
  grid?: Grid
}

/** One plot as data. axes: label and unit; sentence: for speech. */
export interface PanelAnswer {
  name: string
  kind: 'parity' | 'curve' | 'field' | 'structure' | 'spectrum' | 'histogram' | 'image'
  title: string
  axes: string[][]
  scales: string[]
  notes: string[]
  caption: string
  sentence: string
  series: SeriesPart[]
}

/** api/run/<name>/plots.json */
export interface PlotsAnswer {
  panels: PanelAnswer[]
}

/** api/run/<name>/samples/<i>.json: a test sample. inputs, outputs: by quantity (and true, predicted, ...). */
export interface SampleAnswer {
  index: number
  count: number
  container: string
  row: number | null
  inputs: Record<string, Column>
  outputs: Record<string, Record<string, Column>>
  units: Record<string, string>
}

/** One column of a comparison. */
export interface ComparedRun {
  run: string
  href: string
  title: string
  task: string
  five: Measure[]
}

/** One score of all runs, in their order; letters: who shares one cannot be told apart (empty: not computed). */
export interface ComparedScore {
  score: ScoreRow
  figures: Figure[]
  letters: string[]
}

/** Paired difference of two runs (first minus second) over the test samples that both judged. */
export interface Difference {
  score: string
  first: string
  second: string
  figure: Figure
  p: number | null
  significant: boolean
}

/** One setting of all runs, in their order. */
export interface SettingLine {
  owner: string
  name: string
  values: string[]
  differs: boolean
}

/** api/compare.json?runs=a,b,c */
export interface CompareAnswer {
  runs: ComparedRun[]
  scores: ComparedScore[]
  differences: Difference[]
  settings: SettingLine[]
  notes: string[]
}

/** One thing that can be found. */
export interface SearchEntry {
  kind: 'area' | 'leaf' | 'method' | 'run' | 'resource' | 'lesson' | 'page'
  title: string
  text: string
  href: string
}

/** api/search.json */
export interface SearchAnswer {
  entries: SearchEntry[]
}

/** api/resources.json */
export interface ResourcesAnswer {
  resources: Resource[]
  kinds: string[]
  areas: Reference[]
}

/** One lesson in the list. */
export interface LessonRow {
  path: string
  href: string
  title: string
  scale: Scale
  line: string
}

/** api/lessons.json */
export interface LessonsAnswer {
  lessons: LessonRow[]
}

/** A part of a lesson. text: prose, TeX, Python, what was printed, or a list, an item on each line; caption: above
 * it. exercise: prose of its question; solution: code, folded. */
export interface Block {
  kind: 'heading' | 'text' | 'list' | 'equation' | 'code' | 'output' | 'exercise' | 'solution'
  text: string
  caption: string
}

/** api/lesson/<area>/<task>.json. ran: when and where it printed what is shown; file: the notebook. */
export interface LessonAnswer {
  lesson: LessonRow
  leaf: Reference | null
  blocks: Block[]
  ran: string
  file: string
  next: Reference | null
}

/** What this server lets one do. */
export interface Can {
  run: boolean
  predict: boolean
}

/** What a job may take here, and how many may wait. */
export interface Limits {
  upload_mb: number
  minutes: number
  jobs: number
  queue: number
  memory_gb: number
}

/** api/about.json */
export interface AboutAnswer {
  format: string
  versions: Record<string, string>
  device: string
  mode: Mode
  can: Can
  limits: Limits
  record_format: string
  endings: string[]
  catalogue: 'known' | 'asking' | 'unknown'
}

/** The data of the page /predict/: records that can answer a file. */
export interface PredictAnswer {
  runs: PredictorRow[]
  endings: string[]
  upload_mb: number
  can: Can
}

/** A record that answers files. elements, grid: what it was made for. */
export interface PredictorRow {
  run: string
  href: string
  title: string
  task: string
  leaf: string
  container: string
  outputs: QuantityRow[]
  elements: number[]
  grid: unknown
  intervals: number | null
  five: Measure[]
}

/** Body of POST api/jobs. wraps: outermost first. Settings that name files hold the id of an upload. */
export interface JobRequest {
  task: string
  task_fields: Record<string, unknown>
  method: string
  method_fields: Record<string, unknown>
  wraps: WrapRequest[]
  budget: string
  seed: number
}

/** A wrapper with its settings, as a record has it. */
export interface WrapRequest {
  name: string
  settings: Record<string, unknown>
}

/** One job. place: how many are before it in the queue. run: the record, once there is one. */
export interface Job {
  job: string
  kind: 'run' | 'predict'
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  title: string
  task: string
  method: string
  budget: string
  seed: number
  created: number
  started: number | null
  ended: number | null
  place: number
  step: number
  total: number
  figures: Record<string, number>
  rate: number | null
  left: number | null
  run: string
  problem: Problem | null
}

/** api/jobs.json, newest first. */
export interface JobsAnswer {
  jobs: Job[]
  limits: Limits
}

/** 202 of POST api/jobs and of POST api/predictions (then `prediction` is its id as well). */
export interface Started {
  job: string
  place: number
}

/** Data of every server-sent event; its name is `event`, its number the id of the stream.
 *
 * hello: jobs as they stand. step: step, total, figures, rate, left. said: text. done: run (and five), or prediction. */
export interface Event {
  event: 'hello' | 'queued' | 'started' | 'step' | 'said' | 'judging' | 'judged' | 'done' | 'failed' | 'cancelled'
  job: string
  at: number
  step?: number
  total?: number
  figures?: Record<string, number>
  rate?: number | null
  left?: number | null
  text?: string
  run?: string
  five?: Measure[]
  problem?: Problem
  jobs?: Job[]
}

/** 201 of PUT api/uploads/<name>, and api/uploads/<id>.json. state: parsing goes on in a worker. fits: records that
 * can answer it; unfit: why others of the same container cannot. */
export interface UploadAnswer {
  upload: string
  name: string
  bytes: number
  state: 'parsing' | 'ready' | 'refused'
  kind: string
  count: number
  elements: number[]
  grid: unknown
  preview: Record<string, Column>
  fits: string[]
  unfit: Record<string, string>
  problem: Problem | null
}

/** Body of POST api/predictions. */
export interface PredictionRequest {
  run: string
  upload: string
}

/** One sample of a prediction. outputs: predicted, lower, upper by output. */
export interface PredictedSample {
  inputs: Record<string, Column>
  outputs: Record<string, Record<string, Column>>
}

/** api/predictions/<id>.json. samples: the first ones; file: to download, in the format that came.
 *
 * warnings: what the library warned of, in its words; notes: what is to know of any answer of the record. */
export interface PredictionAnswer {
  prediction: string
  run: string
  upload: string
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  count: number
  level: number | null
  errors: Record<string, number>
  units: Record<string, string>
  warnings: string[]
  notes: string[]
  samples: PredictedSample[]
  file: string
  problem: Problem | null
}
