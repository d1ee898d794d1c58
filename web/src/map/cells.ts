/** Where leaves stand when `map.toml` does not say: [column, row] within their continent; odd rows stand half a cell east. */
export const CELLS: Record<string, [number, number]> = Object.fromEntries(
  Object.entries({
    quantum: [
      ['', 'quantum/spins'],
      ['quantum/spins_family', 'quantum/electrons'],
      ['quantum/quench', 'quantum/excited'],
      ['', 'density/hamiltonian'],
      ['density/functional', 'density/dynamics'],
    ],
    atomistic: [
      ['', 'molecules/forces', 'molecules/properties', 'molecules/activity', '', 'proteins/folding'],
      ['molecules/dynamics', 'molecules/conformers', 'molecules/generation', 'proteins/representation', 'proteins/backbones'],
      ['molecules/stereo', 'molecules/expressivity', '', 'interactions/affinity', 'interactions/docking', 'interactions/design'],
      ['', 'materials/properties', 'materials/potentials', 'interactions/catalysis', 'interactions/placement'],
      ['materials/generation', 'materials/characterisation', 'materials/phonons', 'materials/amorphous', 'interactions/porous'],
    ],
    continuum: [
      ['', 'continuum/advection', 'continuum/burgers', 'continuum/korteweg_de_vries'],
      ['continuum/kuramoto_sivashinsky', 'continuum/kolmogorov', 'continuum/navier_stokes'],
      ['continuum/euler', 'continuum/shallow_water', 'continuum/gray_scott', 'continuum/trajectories'],
      ['continuum/darcy', 'continuum/poisson', 'continuum/elasticity'],
      ['continuum/mechanics', 'continuum/inverse', 'continuum/design'],
    ],
  }).flatMap(([, rows]) => rows.flatMap((row, r) => row.map((path, c) => [path, [c, r] as [number, number]] as const).filter(([path]) => path))),
)
