import type { State } from '../execution/machine.ts'

/** Fields of which a search names the values it wants. */
export const choiceFields = [
  'state',
  'action',
  'subject',
  'key',
  'error',
  'waiting',
  'mode',
  'parent',
  'rerun-of',
] as const
export type ChoiceField = (typeof choiceFields)[number]

/** Fields that a search compares with a number; times are epoch milliseconds. */
export const boundFields = ['created', 'finished', 'priority', 'version'] as const
export type BoundField = (typeof boundFields)[number]

export const comparisons = ['<', '<=', '=', '>=', '>'] as const
export type Comparison = (typeof comparisons)[number]

/** One thing that must hold of an execution. A field without a value fits none, and therefore every negation. */
export type Condition =
  | {
      readonly field: ChoiceField
      readonly not: boolean
      /** Names of states, reasons and modes; internal keys of parents and of executions run again. */
      readonly anyOf: readonly (string | number)[]
    }
  | { readonly field: BoundField; readonly not: boolean; readonly op: Comparison; readonly value: number }

export interface Search {
  readonly tenant?: string | undefined
  /** All of them must hold. */
  readonly where: readonly Condition[]
  /** Newest first, below this key. */
  readonly before?: number | undefined
  readonly limit: number
}

/**
 * One page of a search, which reads a bounded number of rows: where no index leads to what is wanted, a page may be
 * short, even empty, and the search not be over. It is when `next` is null.
 */
export interface SearchPage<T> {
  readonly found: readonly T[]
  /** Go on below this key. */
  readonly next: number | null
}

/** A search as a caller puts it together. */
export interface FieldQuery {
  /** Conditions beside the fields: what a written query says. */
  readonly where?: readonly Condition[] | undefined
  readonly states?: readonly State[] | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
  readonly key?: string | undefined
}

export function conditionsOf({ states, where = [], ...fields }: FieldQuery): Condition[] {
  const conditions = [...where]
  if (states !== undefined) conditions.push({ field: 'state', not: false, anyOf: states })
  for (const field of ['action', 'subject', 'key'] as const) {
    const value = fields[field]
    if (value !== undefined) conditions.push({ field, not: false, anyOf: [value] })
  }
  return conditions
}
