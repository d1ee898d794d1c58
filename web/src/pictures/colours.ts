/** Colour maps that are perceptual and safe for the colour-blind: one from dark to light for size, one about 0. */

type RGB = [number, number, number]
/** Anchors of viridis (matplotlib, CC0). */
const SEQUENTIAL: RGB[] = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]]
/** Blue to brown through white, after Crameri's vik. */
const DIVERGING: RGB[] = [[0, 18, 97], [3, 64, 125], [50, 118, 160], [142, 180, 204], [236, 232, 228], [220, 176, 148], [196, 118, 74], [150, 62, 20], [89, 0, 8]]

/** The colour of t in [0, 1]. */
export function colour(t: number, diverging: boolean): RGB {
  const map = diverging ? DIVERGING : SEQUENTIAL
  const s = Math.min(1, Math.max(0, Number.isFinite(t) ? t : 0)) * (map.length - 1)
  const i = Math.min(map.length - 2, Math.floor(s))
  return map[i].map((c, k) => Math.round(c + (s - i) * (map[i + 1][k] - c))) as RGB
}

/** The range of a picture: symmetric about 0 where values have both signs. */
export function spread(lo: number, hi: number): { lo: number; hi: number; diverging: boolean } {
  const both = lo < 0 && hi > 0 && Math.min(-lo, hi) > 0.05 * Math.max(-lo, hi)
  const most = Math.max(-lo, hi)
  return both ? { lo: -most, hi: most, diverging: true } : { lo, hi: hi === lo ? lo + 1 : hi, diverging: false }
}
