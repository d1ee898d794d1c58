/** A page for modules that ask where they are: the leaf of spins of a server on this machine. */
Object.assign(globalThis, {
  location: new URL('http://127.0.0.1:8000/leaf/quantum/spins/'),
  document: { currentScript: null, body: { dataset: { root: '../../../' } } },
  window: {},
})
