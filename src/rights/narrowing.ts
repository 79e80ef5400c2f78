/** What a grant is narrowed to. Null is no limit. */
export interface Narrowing {
  readonly actions: readonly string[] | null
  readonly subjects: readonly string[] | null
  readonly levelMax: number | null
}

export const everything: Narrowing = { actions: null, subjects: null, levelMax: null }

/** An exact name, or a beginning and a star: `quote:*`, `crm.*`. */
const legal = /^(?:[^\s*]{1,200}\*?|\*)$/u

export const isPattern = (text: string): boolean => legal.test(text) && text.isWellFormed()

export const isNarrowed = ({ actions, subjects, levelMax }: Narrowing): boolean =>
  actions !== null || subjects !== null || levelMax !== null

export const matches = (patterns: readonly string[] | null, name: string | null): boolean =>
  patterns === null || (name !== null && patterns.some((pattern) => isIn(pattern, name)))

/** Whether all that `inner` lets through is let through by `outer`. */
export function covers(outer: Narrowing, inner: Narrowing): boolean {
  return (
    coversAll(outer.actions, inner.actions) &&
    coversAll(outer.subjects, inner.subjects) &&
    (outer.levelMax === null || (inner.levelMax !== null && inner.levelMax <= outer.levelMax))
  )
}

const coversAll = (outer: readonly string[] | null, inner: readonly string[] | null): boolean =>
  outer === null || (inner?.every((pattern) => outer.some((wide) => isIn(wide, pattern))) ?? false)

/** Of a pattern as well: the beginning that it stands for begins with the beginning of the wider one. */
const isIn = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern

export const patternsOf = (text: string | null): readonly string[] | null => (text === null ? null : text.split(' '))
