import { getHeapStatistics } from 'node:v8'
import type { ActionRegistry, AnyAction } from '../action/action.ts'
import type { ActionsModule } from '../action/module.ts'
import { type Refusal, refuse } from '../errors/refusal.ts'

/** Where the process of one action finds it, and what a run there may use. */
export interface CellLimits extends ActionsModule {
  readonly action: string
  readonly version: number
  /** MiB beyond what the process needed to load the actions. */
  readonly memoryMb: number
  /** Milliseconds between abort and kill. */
  readonly graceMs: number
}

const memoryMbDefault = 256
const graceMsDefault = 5_000

/** Limits of an action that asks for a process of its own; null when it does not, or nobody knows its module. */
export function limitsOf(action: AnyAction, known: ActionsModule | undefined): CellLimits | null {
  if (action.isolate === undefined) return null
  const {
    memoryMb = memoryMbDefault,
    graceMs = graceMsDefault,
    ...named
  } = action.isolate === true ? {} : action.isolate
  const where = named.module === undefined ? known : { module: named.module, exportName: named.export }
  return where === undefined ? null : { ...where, action: action.name, version: action.version, memoryMb, graceMs }
}

/** Limits of a suspect that did not ask for them: the memory that the worker itself has. */
export function suspectLimits(action: AnyAction, known: ActionsModule): CellLimits {
  const memoryMb = Math.round(getHeapStatistics().heap_size_limit / 2 ** 20)
  const { name, version } = action
  return limitsOf(action, known) ?? { ...known, action: name, version, memoryMb, graceMs: graceMsDefault }
}

/** An action that must not run beside others needs a module that another process can load. */
export function checkIsolation(actions: ActionRegistry, known: ActionsModule | undefined): Refusal | undefined {
  const lost = actions.list().find((action) => action.isolate !== undefined && limitsOf(action, known) === null)
  if (lost === undefined) return undefined
  return refuse(
    'isolate_without_module',
    `Action ${lost.name} runs in a process of its own, and that process would not know where to find it.`,
    { action: lost.name },
  )
}
