"""What the portal answers, as types: every JSON of the API, of a page's own data and of the event stream.

The front end's `types.ts` is made from this file (`python -m erlangen.portal.types`), so that both sides say the same.
Numbers are finite or null; where a figure is null, `absent` beside it says why. `text` is the figure as it is read:
value and bar together, cut at the second digit of the bar, with its unit. Links (`href`) are relative to the root of
the site and end in "/" where they are pages.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

FORMAT = "erlangen-portal-1"

Json = Any
"""Any JSON value: a setting, a field of a record."""
Scale = Literal["quantum", "atomistic", "continuum", "across"]
State = Literal["planned", "broken", "runs", "open"]
Mode = Literal["served", "public", "export"]
"""Of `<body data-mode>`: with jobs and predictions, read-only, or files."""
Page = Literal[
    "map",
    "area",
    "leaf",
    "runs",
    "run",
    "compare",
    "methods",
    "method",
    "predict",
    "lessons",
    "lesson",
    "resources",
    "about",
]
"""Of `<body data-page>`; the data of a page is the answer of that name below."""


class Figure(TypedDict):
    """A number as it was measured: value, one standard error, how the bar was made, and as text."""

    value: float | None
    error: float | None
    unit: str
    text: str
    by: str
    absent: str


class Mark(TypedDict):
    """One thing on the axis of a measure. `limit` and `promise` are lines, `floor` the error of the labels."""

    kind: Literal["ours", "opponent", "published", "floor", "limit", "promise", "shifted", "float64", "unclaimed"]
    value: float
    error: float | None
    label: str
    text: str
    source: str


class Measure(TypedDict):
    """One of the five. figure.text, what, note: the lines around its plot (figure.absent: why there is no figure).

    sentence: for speech. axis: of its marks, all in the unit of the figure (ours comes first where there is one).
    good: whether a promise is kept (declared symmetries hold, intervals hold as often as promised), null where nothing
    was promised.
    """

    key: Literal["error", "price", "symmetry", "intervals", "shift"]
    title: str
    figure: Figure
    what: str
    note: str
    sentence: str
    good: bool | None
    axis: Literal["linear", "log"]
    marks: list[Mark]


class MapLeaf(TypedDict):
    """One leaf of the map. `charted` false: a plug-in's leaf without an entry in the map. five: of the best record."""

    path: str
    href: str
    title: str
    short: str
    line: str
    symmetry: str
    survey: list[int]
    chapter: str
    state: State
    problem: str
    charted: bool
    methods: int
    records: int
    at: list[int]
    length_m: list[float]
    time_s: list[float]
    five: NotRequired[list[Measure]]
    best: NotRequired[str]


class MapArea(TypedDict):
    """A branch of the map."""

    name: str
    href: str
    title: str
    scale: Scale
    leaves: list[MapLeaf]


class ScaleRow(TypedDict):
    """A continent of the map, and the lengths [m] that it spans."""

    name: Scale
    title: str
    lengths: list[float]


class MapAnswer(TypedDict):
    """api/map.json"""

    format: str
    scales: list[ScaleRow]
    areas: list[MapArea]
    count: dict[str, int]


class AreaAnswer(TypedDict):
    """api/area/<area>.json. methods: which method has how many records on which leaf."""

    area: MapArea
    text: str
    methods: list[MethodRow]
    resources: list[Resource]


class Setting(TypedDict):
    """One setting of a task, a method or a wrapper, as a form needs it. `file`: takes an upload, never a path."""

    name: str
    kind: Literal["int", "float", "bool", "choice", "text", "list", "file", "nested"]
    choices: list[str]
    default: Json
    required: bool
    optional: bool
    comment: str
    annotation: str


class QuantityRow(TypedDict):
    """A declared input or output."""

    name: str
    label: str
    symbol: str
    unit: str
    axes: str


class ScoreRow(TypedDict):
    """A score: what it is called and which way is better."""

    name: str
    label: str
    unit: str
    lower_is_better: bool


class ShiftAxis(TypedDict):
    """Where a task moves away from what was trained on."""

    axis: str
    label: str
    unit: str
    values: list[str]


class Published(TypedDict):
    """A value published elsewhere: another kind of mark, never ranked as ours."""

    name: str
    score: str
    value: float
    unit: str
    source: str
    href: str


class Reference(TypedDict):
    """A paper, a page, a code, a data set."""

    title: str
    href: str


class Resource(TypedDict):
    """One entry of the link list."""

    title: str
    href: str
    kind: str
    areas: list[str]
    line: str
    licence: str
    year: int | None
    alive: bool | None


class TaskInfo(TypedDict):
    """What a task says of itself. declared: it was asked (inputs to published), otherwise only its source was read."""

    name: str
    title: str
    doc: str
    source: str
    problem: str
    settings: list[Setting]
    declared: bool
    inputs: list[QuantityRow]
    outputs: list[QuantityRow]
    symmetry: list[str]
    scores: list[ScoreRow]
    shifts: list[ShiftAxis]
    solvers: list[str]
    published: list[Published]


class BoardRow(TypedDict):
    """One line of a board. figures: by score. group: letters, those who share one cannot be told apart."""

    kind: Literal["ours", "opponent", "published"]
    name: str
    detail: str
    run: str
    href: str
    figures: dict[str, Figure]
    seconds: float | None
    seconds_text: str
    five: NotRequired[list[Measure]]
    group: str
    source: str
    shipped: bool
    state: str


class Board(TypedDict):
    """Everyone who answers a leaf, in the order of its first score (`score`)."""

    score: str
    scores: list[ScoreRow]
    rows: list[BoardRow]
    bars: str


class Bar(TypedDict):
    """What opens a leaf, and where the board stands against it."""

    text: str
    limit: float
    unit: str
    score: str
    source: str
    command: str
    standing: str
    met: bool


class MethodRow(TypedDict):
    """A method: what exists. leaves: path -> records of it there. fits: leaves that it accepts."""

    name: str
    href: str
    family: str
    title: str
    problem: str
    wrapper: bool
    records: int
    leaves: dict[str, int]
    fits: list[str]


class Best(TypedDict):
    """The best record of a leaf: the five, and where it is."""

    run: str
    href: str
    title: str
    line: str
    five: list[Measure]


class LeafAnswer(TypedDict):
    """api/leaf/<area>/<task>.json. unrun: methods that fit and have no record here."""

    leaf: MapLeaf
    area: str
    area_title: str
    area_href: str
    scale: Scale
    statement: str
    equation: str
    open: list[str]
    references: list[Reference]
    resources: list[Resource]
    bar: Bar | None
    task: TaskInfo | None
    board: Board
    best: Best | None
    answers: list[MethodRow]
    unrun: list[str]
    wrappers: list[MethodRow]
    neighbours: list[Reference]
    lesson: str
    command: str


class RunRow(TypedDict):
    """One record in a list. shipped: a reference record of the package."""

    name: str
    href: str
    task: str
    leaf: str
    scale: Scale
    method: str
    seed: int
    created: str
    state: str
    budget: str
    score: str
    figure: Figure
    fit_seconds: float | None
    query_seconds: float | None
    shipped: bool


class RunsAnswer(TypedDict):
    """api/runs.json. left_out: folders whose record cannot be read, and why."""

    runs: list[RunRow]
    count: int
    tasks: list[str]
    methods: list[str]
    states: list[str]
    left_out: list[str]


class FileRow(TypedDict):
    """A file of a run folder, to download."""

    name: str
    href: str
    bytes: int


class Section(TypedDict):
    """A table of the record as text."""

    title: str
    header: list[str]
    rows: list[list[str]]


class ScoreFigure(TypedDict):
    """A score of a record with its figure and the error of the labels."""

    score: ScoreRow
    figure: Figure
    floor: str


class CertificateRow(TypedDict):
    """An audited symmetry; verdict: holds, VIOLATED, not claimed, broken by the problem."""

    subject: str
    group: str
    output: str
    error: float | None
    tolerance: float
    text: str
    verdict: str


class RunAnswer(TypedDict):
    """api/run/<name>.json. record: as it is on disk without panels; null figures have their reason in record.absent."""

    run: str
    href: str
    title: str
    row: RunRow
    leaf: Reference
    five: list[Measure]
    scores: list[ScoreFigure]
    certificate: list[CertificateRow]
    sections: list[Section]
    settings: list[SettingRow]
    command: str
    python: str
    messages: list[str]
    files: list[FileRow]
    same: list[str]
    parts: list[str]
    samples: int
    record: dict[str, Json]


class SettingRow(TypedDict):
    """One setting that a run was made with; default: whether it is that of its task or method."""

    owner: str
    name: str
    text: str


class HistoryAnswer(TypedDict):
    """api/run/<name>/history.json: at most 500 points of every column, of `steps` that were reported."""

    steps: int
    columns: dict[str, list[float | None]]


class Column(TypedDict):
    """An array, flat, in C order."""

    shape: list[int]
    values: list[Json]


class Bins(TypedDict):
    """A histogram: edges (one more than counts)."""

    edges: list[float]
    counts: list[int]


class Grid(TypedDict):
    """A histogram in two dimensions over the square [low, high]^2: those cells (column, row) that hold something.

    offset: a constant taken off both axes, because it is much larger than the spread.
    """

    low: float
    high: float
    offset: float
    cells: int
    counts: list[list[int]]
    mae: float
    rmse: float
    r2: float | None
    total: int


class SeriesPart(TypedDict):
    """One thing that is drawn. columns: by role (`study.panels`); bins and grid in place of many values."""

    label: str
    look: str
    columns: dict[str, Column]
    bins: NotRequired[Bins]
    grid: NotRequired[Grid]


class PanelAnswer(TypedDict):
    """One plot as data. axes: label and unit; sentence: for speech."""

    name: str
    kind: Literal["parity", "curve", "field", "structure", "spectrum", "histogram", "image"]
    title: str
    axes: list[list[str]]
    scales: list[str]
    notes: list[str]
    caption: str
    sentence: str
    series: list[SeriesPart]


class PlotsAnswer(TypedDict):
    """api/run/<name>/plots.json"""

    panels: list[PanelAnswer]


class SampleAnswer(TypedDict):
    """api/run/<name>/samples/<i>.json: a test sample. inputs, outputs: by quantity (and true, predicted, ...)."""

    index: int
    count: int
    container: str
    row: int | None
    inputs: dict[str, Column]
    outputs: dict[str, dict[str, Column]]
    units: dict[str, str]


class MethodInfo(TypedDict):
    """What a method says of itself."""

    name: str
    family: str
    title: str
    doc: str
    source: str
    problem: str
    wrapper: bool
    settings: list[Setting]
    presets: list[str]
    keeps: list[str]
    declared: bool


class MethodPlace(TypedDict):
    """Where a method stands on one leaf: its best record relative to the best of all and to the solver as accurate."""

    leaf: Reference
    scale: Scale
    run: str
    href: str
    score: str
    figure: Figure
    rank: int
    of: int
    to_best: float | None
    to_solver: float | None
    five: list[Measure]


class MethodAnswer(TypedDict):
    """api/method/<name>.json"""

    method: MethodInfo
    places: list[MethodPlace]
    fits: list[Reference]
    runs: list[RunRow]


class MethodsAnswer(TypedDict):
    """api/methods.json"""

    methods: list[MethodRow]
    families: list[str]
    known: bool


class ComparedRun(TypedDict):
    """One column of a comparison."""

    run: str
    href: str
    title: str
    task: str
    five: list[Measure]


class ComparedScore(TypedDict):
    """One score of all runs, in their order; letters: who shares one cannot be told apart (empty: not computed)."""

    score: ScoreRow
    figures: list[Figure]
    letters: list[str]


class Difference(TypedDict):
    """Paired difference of two runs (first minus second) over the test samples that both judged."""

    score: str
    first: str
    second: str
    figure: Figure
    p: float | None
    significant: bool


class SettingLine(TypedDict):
    """One setting of all runs, in their order."""

    owner: str
    name: str
    values: list[str]
    differs: bool


class CompareAnswer(TypedDict):
    """api/compare.json?runs=a,b,c"""

    runs: list[ComparedRun]
    scores: list[ComparedScore]
    differences: list[Difference]
    settings: list[SettingLine]
    notes: list[str]


class SearchEntry(TypedDict):
    """One thing that can be found."""

    kind: Literal["area", "leaf", "method", "run", "resource", "lesson", "page"]
    title: str
    text: str
    href: str


class SearchAnswer(TypedDict):
    """api/search.json"""

    entries: list[SearchEntry]


class ResourcesAnswer(TypedDict):
    """api/resources.json"""

    resources: list[Resource]
    kinds: list[str]
    areas: list[Reference]


class LessonRow(TypedDict):
    """One lesson in the list."""

    path: str
    href: str
    title: str
    scale: Scale
    line: str


class LessonsAnswer(TypedDict):
    """api/lessons.json"""

    lessons: list[LessonRow]


class Block(TypedDict):
    """A part of a lesson. text: prose, TeX, Python or what was printed; caption: above it."""

    kind: Literal["text", "equation", "code", "output", "exercise"]
    text: str
    caption: str


class LessonAnswer(TypedDict):
    """api/lesson/<area>/<task>.json"""

    lesson: LessonRow
    leaf: Reference | None
    blocks: list[Block]
    file: str
    next: Reference | None


class Can(TypedDict):
    """What this server lets one do."""

    run: bool
    predict: bool


class Limits(TypedDict):
    """What a job may take here, and how many may wait."""

    upload_mb: int
    minutes: float
    jobs: int
    queue: int
    memory_gb: float


class AboutAnswer(TypedDict):
    """api/about.json"""

    format: str
    versions: dict[str, str]
    device: str
    mode: Mode
    can: Can
    limits: Limits
    record_format: str
    endings: list[str]
    catalogue: Literal["known", "asking", "unknown"]


class PredictAnswer(TypedDict):
    """The data of the page /predict/: records that can answer a file."""

    runs: list[PredictorRow]
    endings: list[str]
    upload_mb: int
    can: Can


class PredictorRow(TypedDict):
    """A record that answers files. elements, grid: what it was made for."""

    run: str
    href: str
    title: str
    task: str
    leaf: str
    container: str
    outputs: list[QuantityRow]
    elements: list[int]
    grid: Json
    intervals: float | None
    five: list[Measure]


class Problem(TypedDict):
    """Why something was refused (status 4xx): what must hold, what came, what to do; field: of the form."""

    must: str
    came: str
    do: str
    field: str


class JobRequest(TypedDict):
    """Body of POST api/jobs. wraps: outermost first. Settings that name files hold the id of an upload."""

    task: str
    task_fields: dict[str, Json]
    method: str
    method_fields: dict[str, Json]
    wraps: list[WrapRequest]
    budget: str
    seed: int


class WrapRequest(TypedDict):
    """A wrapper with its settings, as a record has it."""

    name: str
    settings: dict[str, Json]


class Job(TypedDict):
    """One job. place: how many are before it in the queue. run: the record, once there is one."""

    job: str
    kind: Literal["run", "predict"]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    title: str
    task: str
    method: str
    budget: str
    seed: int
    created: float
    started: float | None
    ended: float | None
    place: int
    step: int
    total: int
    figures: dict[str, float]
    rate: float | None
    left: float | None
    run: str
    problem: Problem | None


class JobsAnswer(TypedDict):
    """api/jobs.json, newest first."""

    jobs: list[Job]
    limits: Limits


class Started(TypedDict):
    """202 of POST api/jobs and of POST api/predictions (then `prediction` is its id as well)."""

    job: str
    place: int


class Event(TypedDict):
    """Data of every server-sent event; its name is `event`, its number the id of the stream.

    hello: jobs as they stand. step: step, total, figures, rate, left. said: text. done: run (and five), or prediction.
    """

    event: Literal["hello", "queued", "started", "step", "said", "judging", "judged", "done", "failed", "cancelled"]
    job: str
    at: float
    step: NotRequired[int]
    total: NotRequired[int]
    figures: NotRequired[dict[str, float]]
    rate: NotRequired[float | None]
    left: NotRequired[float | None]
    text: NotRequired[str]
    run: NotRequired[str]
    five: NotRequired[list[Measure]]
    problem: NotRequired[Problem]
    jobs: NotRequired[list[Job]]


class UploadAnswer(TypedDict):
    """201 of PUT api/uploads/<name>, and api/uploads/<id>.json. state: parsing goes on in a worker. fits: records that
    can answer it; unfit: why others of the same container cannot.
    """

    upload: str
    name: str
    bytes: int
    state: Literal["parsing", "ready", "refused"]
    kind: str
    count: int
    elements: list[int]
    grid: Json
    preview: dict[str, Column]
    fits: list[str]
    unfit: dict[str, str]
    problem: Problem | None


class PredictionRequest(TypedDict):
    """Body of POST api/predictions."""

    run: str
    upload: str


class PredictedSample(TypedDict):
    """One sample of a prediction. outputs: predicted, lower, upper by output."""

    inputs: dict[str, Column]
    outputs: dict[str, dict[str, Column]]


class PredictionAnswer(TypedDict):
    """api/predictions/<id>.json. samples: the first ones; file: to download, in the format that came."""

    prediction: str
    run: str
    upload: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    count: int
    level: float | None
    errors: dict[str, float]
    units: dict[str, str]
    warnings: list[str]
    samples: list[PredictedSample]
    file: str
    problem: Problem | None
