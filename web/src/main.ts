/** Mounts the page that `<body data-page>` names on `<main>`, in place of its plain HTML. */
import { mount, type Component } from 'svelte'
import './theme.css'
import './base.css'
import Bar from './parts/Bar.svelte'
import Shell from './parts/Shell.svelte'
import { dressed } from './parts/theme'
import { pages } from './pages'
import { page } from './site'

function start(): void {
  dressed()
  const main = document.querySelector('main')
  const which = pages[page()] as Component | undefined
  if (!main) return
  for (const plain of document.querySelectorAll('body > header, body > .skip')) plain.remove()
  mount(Bar, { target: document.body, anchor: main })
  if (!which) return
  const plain = [...main.childNodes]
  const inside = document.createElement('div')
  mount(Shell, { target: inside, props: { page: which } })
  for (const node of plain) node.remove()
  main.id ||= 'main'
  main.append(inside)
}

if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start)
else start()
