import type { ListQuery } from '../control-plane.ts'
import { type Refusal, refuse } from '../errors/refusal.ts'
import { type State, states } from '../execution/machine.ts'

const fields = ['state', 'action', 'subject', 'key', 'limit', 'cursor'] as const
type QueryField = (typeof fields)[number]

/**
 * Reads `state:failed,expired action:crm.sync_quote subject:quote:Q-42 key:"two words" limit:20`.
 * A value ends at a blank unless it is quoted; whatever follows the first colon belongs to it.
 */
export function parseQuery(text: string): ListQuery | Refusal {
  const found: Partial<Record<QueryField, string>> = {}
  for (const [word] of text.matchAll(/(?:[^\s"]|"[^"]*")+/g)) {
    const colon = word.indexOf(':')
    const name = colon < 0 ? word : word.slice(0, colon)
    const value = word.slice(colon + 1).replace(/^"(.*)"$/s, '$1')
    if (!isField(name)) return unreadable(`there is no field ${JSON.stringify(name.slice(0, 40).toWellFormed())}`)
    if (colon < 0 || value === '') return unreadable(`${name} has no value`)
    if (found[name] !== undefined) return unreadable(`${name} is given twice`)
    found[name] = value
  }
  const limit = found.limit === undefined ? undefined : Number(found.limit)
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= 500)) {
    return unreadable('limit must be a whole number from 1 to 500')
  }
  const wanted = found.state === undefined ? undefined : parseStates(found.state)
  if (wanted !== undefined && 'refused' in wanted) return wanted
  const { action, subject, key, cursor } = found
  return { states: wanted, action, subject, key, cursor, limit }
}

export function parseStates(text: string): readonly State[] | Refusal {
  const names = text.split(',')
  const unknown = names.find((name) => !(states as readonly string[]).includes(name))
  return unknown === undefined
    ? (names as State[])
    : unreadable(
        `there is no state ${JSON.stringify(unknown.slice(0, 40).toWellFormed())}; states are ${states.join(', ')}`,
      )
}

const isField = (name: string): name is QueryField => (fields as readonly string[]).includes(name)

const unreadable = (why: string): Refusal =>
  refuse(
    'invalid_input',
    `The query cannot be read: ${why}.`,
    { fields },
    `Write field:value with the fields ${fields.join(', ')}.`,
  )
