/** Every page by the name in `<body data-page>`: a new one is a file and a line here. */
import type { Component } from 'svelte'
import type { Page } from '../types'
import About from './About.svelte'
import Area from './Area.svelte'
import Compare from './Compare.svelte'
import Leaf from './Leaf.svelte'
import Lesson from './Lesson.svelte'
import Lessons from './Lessons.svelte'
import Map from './Map.svelte'
import Method from './Method.svelte'
import Methods from './Methods.svelte'
import Predict from './Predict.svelte'
import Resources from './Resources.svelte'
import Run from './Run.svelte'
import Runs from './Runs.svelte'

export const pages: Record<Page, Component> & Record<string, Component | undefined> = {
  map: Map,
  area: Area,
  leaf: Leaf,
  runs: Runs,
  run: Run,
  compare: Compare,
  methods: Methods,
  method: Method,
  predict: Predict,
  lessons: Lessons,
  lesson: Lesson,
  resources: Resources,
  about: About,
}
