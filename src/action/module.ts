import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Refused, refuse } from '../errors/refusal.ts'
import type { AnyAction } from './definition.ts'

/** Where actions are found by another process: what `import` needs, and nothing of this process. */
export interface ActionsModule {
  /** An absolute path or a file URL. */
  readonly module: string
  /** Name of the list or action that is meant; by default `actions`, `default`, or every action it exports. */
  readonly exportName?: string | undefined
}

/**
 * The actions that a module exports: as `actions`, as `default`, or one by one.
 *
 * @throws Refused `invalid_definition` when it exports none.
 */
export async function actionsOf({ module, exportName }: ActionsModule): Promise<readonly AnyAction[]> {
  const url = isAbsolute(module) ? pathToFileURL(module).href : module
  const found = (await import(url)) as Readonly<Record<string, unknown>>
  const listed = exportName === undefined ? (found.actions ?? found.default) : found[exportName]
  const candidates: readonly unknown[] = Array.isArray(listed)
    ? listed
    : exportName === undefined
      ? Object.values(found)
      : [listed]
  const actions = candidates.filter(isAction)
  if (actions.length > 0) return actions
  const what = exportName === undefined ? 'no action' : `no action as ${exportName}`
  const next = 'Export a list named `actions`.'
  throw new Refused(refuse('invalid_definition', `${module} exports ${what}.`, undefined, next))
}

/** Whether a text can name a module for another process: nothing relative, for that process stands elsewhere. */
export const isModuleName = (text: unknown): text is string =>
  typeof text === 'string' && (isAbsolute(text) || text.startsWith('file:'))

const isAction = (value: unknown): value is AnyAction =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { name?: unknown }).name === 'string' &&
  typeof (value as { version?: unknown }).version === 'number' &&
  typeof (value as { run?: unknown }).run === 'function'
