import type { Pause } from '../store/rows.ts'

/** What somebody of a tenant is told of: its own, and those of everything. A pause of a tenant is named by what it pauses. */
export const pausesOf = (pauses: readonly Pause[], of: string): readonly Pause[] =>
  pauses.filter(({ scope, value, tenant }) => (scope === 'tenant' ? value === of : tenant === null || tenant === of))
