import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vitest/config'

const SITE = '../erlangen/portal/site'
/** Scripts that a page loads when it needs them: their own files, as their authors built them. */
const LAZY = { '3dmol.js': '3dmol/build/3Dmol-min.js', 'temml.js': 'temml/dist/temml.min.js' }
/** What is in the bundle and says so: licences are kept beside it. */
const BUNDLED = [
  'svelte', 'd3-scale', 'minisearch', 'temml', '3dmol', '@fontsource-variable/source-sans-3',
  '@fontsource-variable/source-serif-4', '@fontsource-variable/source-code-pro',
]

/** Beside the bundle: the lazy scripts, and the licences of all that is in it. */
function beside(): Plugin {
  return {
    name: 'beside',
    closeBundle() {
      mkdirSync(`${SITE}/lazy`, { recursive: true })
      for (const [name, file] of Object.entries(LAZY)) copyFileSync(`node_modules/${file}`, `${SITE}/lazy/${name}`)
      writeFileSync(`${SITE}/licences.txt`, BUNDLED.map(licence).join('\n\n'))
    },
  }
}

function licence(name: string): string {
  const folder = `node_modules/${name}`
  const about = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
  const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f))
  const text = file && existsSync(`${folder}/${file}`) ? readFileSync(`${folder}/${file}`, 'utf8') : ''
  return `${name} ${about.version}: ${about.license}\n${text.trim()}`
}

export default defineConfig({
  plugins: [svelte({ compilerOptions: { runes: true } }), beside()],
  base: './',
  publicDir: false,
  build: {
    outDir: SITE,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
    rollupOptions: {
      input: 'src/main.ts',
      output: {
        format: 'iife',
        entryFileNames: 'portal.js',
        assetFileNames: ({ names }) => (names.some((n) => n.endsWith('.css')) ? 'portal.css' : 'fonts/[name][extname]'),
      },
    },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node', setupFiles: 'tests/setup.ts' },
})
