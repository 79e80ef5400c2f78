/** Names of the invariants in the project's list; `liveness` and `crash` are the simulation's own. */
export type Invariant =
  | `I${number}`
  | `L${number}`
  | 'effects'
  | 'plans'
  | 'bulk'
  | 'deadline'
  | 'suspects'
  | 'liveness'
  | 'crash'
  | 'rows'

export interface Violation {
  readonly invariant: Invariant
  readonly message: string
}

/** Collects what was violated: thrown errors could be taken for faults of a store by the code under test. */
export type Report = (invariant: Invariant, message: string) => void
