/** Light or dark: what the system says, until a reader chooses; the choice is remembered. */
const KEY = 'erlangen-theme'
type Theme = 'light' | 'dark'

/** Put on what was chosen before. */
export function dressed(): void {
  const chosen = remembered()
  if (chosen) document.documentElement.dataset.theme = chosen
}

/** The other one, remembered. */
export function turned(): void {
  const next: Theme = current() === 'dark' ? 'light' : 'dark'
  document.documentElement.dataset.theme = next
  try {
    localStorage.setItem(KEY, next)
  } catch {
    /* files and private windows may have no storage: the choice holds on this page */
  }
  window.dispatchEvent(new Event('themechange'))
}

export function current(): Theme {
  const chosen = document.documentElement.dataset.theme
  if (chosen === 'light' || chosen === 'dark') return chosen
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
}

function remembered(): Theme | null {
  try {
    const word = localStorage.getItem(KEY)
    return word === 'light' || word === 'dark' ? word : null
  } catch {
    return null
  }
}
