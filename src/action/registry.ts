import { type Refusal, Refused, refuse } from '../errors/refusal.ts'
import type { AnyAction } from './definition.ts'

/** The actions a process knows, by name and version. */
export interface ActionRegistry {
  /** The given version, or the latest one; undefined if there is none. */
  get(name: string, version?: number): AnyAction | undefined
  latest(name: string): AnyAction | undefined
  /** All of them, by name and then by version. */
  list(): readonly AnyAction[]
  /** As `get`, with a refusal that names what is there. */
  find(name: string, version?: number): AnyAction | Refusal
}

/** Collects actions; throws {@link Refused} with `invalid_definition` if a name and version occur twice. */
export function actionRegistry(actions: Iterable<AnyAction>): ActionRegistry {
  const versions = new Map<string, Map<number, AnyAction>>()
  const latest = new Map<string, AnyAction>()
  for (const each of actions) {
    const ofName = versions.get(each.name) ?? new Map<number, AnyAction>()
    if (ofName.has(each.version))
      throw new Refused(refuse('invalid_definition', `Action ${each.name} version ${each.version} is defined twice.`))
    versions.set(each.name, ofName.set(each.version, each))
    if (each.version > (latest.get(each.name)?.version ?? 0)) latest.set(each.name, each)
  }
  const sorted = [...versions.values()].flatMap((ofName) => [...ofName.values()]).sort(byNameAndVersion)
  const get = (name: string, version?: number): AnyAction | undefined =>
    version === undefined ? latest.get(name) : versions.get(name)?.get(version)
  return {
    get,
    latest: (name) => latest.get(name),
    list: () => sorted,
    find(name, version) {
      const found = get(name, version)
      if (found !== undefined) return found
      const known = versions.get(name)
      return known === undefined
        ? refuse('unknown_action', `There is no action ${JSON.stringify(name.slice(0, 100).toWellFormed())}.`, {
            actions: [...versions.keys()].sort().slice(0, 50),
          })
        : refuse('unknown_action', `Action ${name} has no version ${version}.`, {
            versions: [...known.keys()].sort((a, b) => a - b),
          })
    },
  }
}

// By code units, so that the order is the same on every machine.
function byNameAndVersion(a: AnyAction, b: AnyAction): number {
  if (a.name === b.name) return a.version - b.version
  return a.name < b.name ? -1 : 1
}
