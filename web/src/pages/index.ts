/** Every page by the name in `<body data-page>`: a new one is a file and a line here. */
import type { Component } from 'svelte'
import type { Page } from '../types'
import Map from './Map.svelte'

export const pages: Partial<Record<Page, Component>> & Record<string, Component | undefined> = {
  map: Map,
}
