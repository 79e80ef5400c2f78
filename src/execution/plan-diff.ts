import { type PlannedStep, scopeOf } from './plan.ts'

/** Of each kind, how many are named; the counts are of all. */
const namedMax = 500

/** How one plan differs from the one before it, step by step; a step is the same when its name and target are. */
export interface PlanDiff {
  readonly added: number
  readonly removed: number
  /** Other args or other effects. */
  readonly changed: number
  /** Whether the same steps come in another order. */
  readonly reordered: boolean
  readonly steps: readonly { readonly step: string; readonly was: string | null; readonly is: string | null }[]
}

export function diffOf(before: readonly PlannedStep[], after: readonly PlannedStep[]): PlanDiff {
  const was = new Map(before.map((planned) => [scopeOf(planned), textOf(planned)]))
  const is = new Map(after.map((planned) => [scopeOf(planned), textOf(planned)]))
  const removed = [...was].filter(([step]) => !is.has(step)).map(([step, text]) => ({ step, was: text, is: null }))
  const added = [...is].filter(([step]) => !was.has(step)).map(([step, text]) => ({ step, was: null, is: text }))
  const changed = [...is].flatMap(([step, text]) => {
    const old = was.get(step)
    return old === undefined || old === text ? [] : { step, was: old, is: text }
  })
  const kept = (from: ReadonlyMap<string, string>, of: ReadonlyMap<string, string>) =>
    [...from.keys()].filter((step) => of.has(step)).join('\n')
  return {
    added: added.length,
    removed: removed.length,
    changed: changed.length,
    reordered: kept(was, is) !== kept(is, was),
    steps: [...removed, ...added, ...changed].slice(0, namedMax),
  }
}

const textOf = ({ args, effects }: PlannedStep): string => `${args} ${JSON.stringify(effects)}`
