import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AnyAction } from '../action/action.ts'
import { Refused, refuse } from '../errors/refusal.ts'

const usual = ['pawl.actions.ts', 'pawl.actions.js', 'pawl.actions.mjs']

/**
 * The actions that a module exports: as `actions`, as `default`, or one by one.
 *
 * @throws Refused `invalid_definition` when there is no such module or it exports no action.
 */
export async function loadActions(path: string | undefined): Promise<readonly AnyAction[]> {
  const file = path ?? usual.find((name) => existsSync(name))
  if (file === undefined)
    throw wrong(`There is no ${usual[0]} here.`, 'Write one, or name a module of actions with --actions.')
  const found = resolve(file)
  if (!existsSync(found)) throw wrong(`There is no file ${file}.`, 'Name a module of actions with --actions.')
  const module = (await import(pathToFileURL(found).href)) as Readonly<Record<string, unknown>>
  const listed = module.actions ?? module.default
  const candidates: readonly unknown[] = Array.isArray(listed) ? listed : Object.values(module)
  const actions = candidates.filter(isAction)
  if (actions.length === 0) throw wrong(`${file} exports no action.`, 'Export a list named `actions`.')
  return actions
}

const isAction = (value: unknown): value is AnyAction =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { name?: unknown }).name === 'string' &&
  typeof (value as { version?: unknown }).version === 'number' &&
  typeof (value as { run?: unknown }).run === 'function'

const wrong = (reason: string, next: string): Refused =>
  new Refused(refuse('invalid_definition', reason, undefined, next))
