import { effectStates, logLineLevels, targetKinds, waitReasons } from '../../execution/execution.ts'
import { eventCodes, stateCodes } from '../../execution/machine.ts'
import { targetStates } from '../../execution/plan.ts'
import { pauseScopes, timerKinds } from '../rows.ts'

/** Names that rows hold as small integers; each has a lookup table of the same name. */
export const lookups = {
  execution_status: stateCodes,
  event_type: eventCodes,
  execution_mode: numbered(['immediate', 'background']),
  wait_reason: numbered(waitReasons),
  effect_target: numbered(targetKinds),
  effect_state: numbered(effectStates),
  timer_kind: numbered(timerKinds),
  pause_scope: numbered(pauseScopes),
} as const satisfies Record<string, Readonly<Record<string, number>>>

/** Apart from the others, for their tables are generated together with the guards of the machine. */
export const planStepCodes = numbered(targetStates)

export const codeOf = {
  mode: lookups.execution_mode,
  wait: lookups.wait_reason,
  target: lookups.effect_target,
  effect: lookups.effect_state,
  timer: lookups.timer_kind,
  scope: lookups.pause_scope,
  planStep: planStepCodes,
  /** Its order is what a filter compares; the table itself says what is allowed. */
  level: numbered(logLineLevels),
} as const

export const nameOf = {
  mode: reader(lookups.execution_mode),
  wait: reader(lookups.wait_reason),
  target: reader(lookups.effect_target),
  effect: reader(lookups.effect_state),
  timer: reader(lookups.timer_kind),
  scope: reader(lookups.pause_scope),
  planStep: reader(planStepCodes),
  level: reader(numbered(logLineLevels)),
} as const

function numbered<const N extends string>(names: readonly N[]): { readonly [K in N]: number } {
  return Object.fromEntries(names.map((name, index) => [name, index + 1])) as { [K in N]: number }
}

function reader<N extends string>(codes: { readonly [K in N]: number }): (code: number) => N {
  const names: N[] = []
  for (const name of Object.keys(codes) as N[]) names[codes[name]] = name
  return (code) => {
    const name = names[code]
    if (name === undefined) throw new Error(`no name has the code ${code}`)
    return name
  }
}
