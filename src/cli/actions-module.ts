import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { AnyAction } from '../action/action.ts'
import { type ActionsModule, actionsOf } from '../action/module.ts'
import { Refused, refuse } from '../errors/refusal.ts'

const usual = ['pawl.actions.ts', 'pawl.actions.js', 'pawl.actions.mjs']

/**
 * The actions of the named module, or of the usual one here, and where a process of their own finds them.
 *
 * @throws Refused `invalid_definition` when there is no such module or it exports no action.
 */
export async function loadActions(
  path: string | undefined,
): Promise<{ readonly actions: readonly AnyAction[]; readonly actionsModule: ActionsModule }> {
  const file = path ?? usual.find((name) => existsSync(name))
  if (file === undefined)
    throw wrong(`There is no ${usual[0]} here.`, 'Write one, or name a module of actions with --actions.')
  const module = resolve(file)
  if (!existsSync(module)) throw wrong(`There is no file ${file}.`, 'Name a module of actions with --actions.')
  return { actions: await actionsOf({ module }), actionsModule: { module } }
}

const wrong = (reason: string, next: string): Refused =>
  new Refused(refuse('invalid_definition', reason, undefined, next))
