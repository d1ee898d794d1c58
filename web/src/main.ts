/** Mounts the page that `<body data-page>` names on `<main>`, in place of its plain HTML. */
import { mount, type Component } from 'svelte'
import './theme.css'
import './page.css'
import Bar from './parts/Bar.svelte'
import Shell from './parts/Shell.svelte'
import { dressed } from './parts/theme'
import { pages } from './pages'
import { page } from './site'

/** The sign of erlangen as the icon of the tab. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${[0, 1, 2, 3, 4, 5].map((i) => `<path d="M16 16L16 3.2L20.6 8z" fill="${['#6b70e0', '#c8691c', '#14988b'][i % 3]}" transform="rotate(${60 * i} 16 16)"/>`).join('')}</svg>`

function start(): void {
  dressed()
  if (!document.querySelector('link[rel=icon]')) {
    const icon = Object.assign(document.createElement('link'), { rel: 'icon', type: 'image/svg+xml', href: `data:image/svg+xml,${encodeURIComponent(ICON)}` })
    document.head.append(icon)
  }
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
