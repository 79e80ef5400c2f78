import type { StoreHost } from '../commit/host.ts'
import { type Refusal, refuse } from '../errors/refusal.ts'
import { waitReasons } from '../execution/execution.ts'
import { type State, states } from '../execution/machine.ts'
import { internalId } from '../identity/public-id.ts'
import {
  type BoundField,
  boundFields,
  type ChoiceField,
  type Comparison,
  type Condition,
  choiceFields,
} from '../store/search.ts'
import { durationMsMax, parseDuration } from '../time/duration.ts'

/** What a query is read with: durations count back from now, public ids stand for keys. */
export interface QueryReader {
  readonly now: number
  /** Null when the text is no id. */
  readonly keyOf: (id: string) => number | null
}

/** Reads ids as this store gives them. */
export const readerOf = ({ host }: { readonly host: StoreHost }, now: number): QueryReader => ({
  now,
  keyOf: (id) => internalId(id, host.idKey),
})

export interface Query {
  readonly where: readonly Condition[]
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

const pageFields = ['limit', 'cursor'] as const
type PageField = (typeof pageFields)[number]
/** Every field that can be written. */
export const queryFields = [...choiceFields, ...boundFields, ...pageFields] as const

const choicesOf: { readonly [F in ChoiceField]?: readonly string[] } = {
  state: states,
  waiting: waitReasons,
  mode: ['immediate', 'background'],
}

/** Their values are free text, in which a comma means itself. */
const whole: ReadonlySet<string> = new Set<ChoiceField>(['subject', 'key'])
const times: ReadonlySet<string> = new Set<BoundField>(['created', 'finished'])

interface Word {
  /** Counted from 1. */
  readonly at: number
  readonly not: boolean
  readonly name: string
  readonly value: string
}

/**
 * Reads `state:failed,expired -action:crm.sync_quote subject:quote:Q-42 key:"two words" created:<2h priority:>0`.
 * A value ends at a blank unless it is quoted; whatever follows the first colon belongs to it; a minus in front negates.
 * A duration is an age: `created:>2h` was created more than two hours ago. A date is a time: `created:>2026-11-01`.
 */
export function parseQuery(text: string, reader: QueryReader): Query | Refusal {
  const where: Condition[] = []
  const page = new Map<PageField, string>()
  const chosen = new Set<string>()
  for (const word of wordsOf(text)) {
    if ('refused' in word) return word
    const { at, not, name } = word
    if (isOneOf(pageFields, name)) {
      if (not) return unreadable(at, `${name} cannot be negated`)
      if (page.has(name)) return unreadable(at, `${name} is given twice`)
      page.set(name, word.value)
      continue
    }
    const condition = conditionOf(word, reader)
    if ('refused' in condition) return condition
    if ('anyOf' in condition && !not) {
      if (chosen.has(name)) return unreadable(at, `${name} is given twice; write ${name}:one,other`)
      chosen.add(name)
    }
    where.push(condition)
  }
  const limit = page.get('limit')
  if (limit !== undefined && !(/^\d{1,3}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= 500)) {
    return unreadable(text.indexOf('limit:') + 1, 'limit must be a whole number from 1 to 500')
  }
  return { where, limit: limit === undefined ? undefined : Number(limit), cursor: page.get('cursor') }
}

/** Reads `failed,expired`. */
export function parseStates(text: string): readonly State[] | Refusal {
  const names = text.split(',')
  const unknown = names.find((name) => !isOneOf(states, name))
  return unknown === undefined ? (names as State[]) : unreadable(1, noSuch('state', unknown))
}

function* wordsOf(text: string): Generator<Word | Refusal> {
  const pattern = /(?:[^\s"]|"[^"]*"|")+/g
  for (const { 0: word, index } of text.matchAll(pattern)) {
    const at = index + 1
    if ((word.match(/"/g)?.length ?? 0) % 2 === 1) yield unreadable(at + word.lastIndexOf('"'), 'a quote is not closed')
    const not = word.startsWith('-')
    const colon = word.indexOf(':')
    const name = word.slice(not ? 1 : 0, colon < 0 ? undefined : colon)
    const value = word.slice(colon + 1).replace(/^"(.*)"$/s, '$1')
    if (!isOneOf(queryFields, name)) yield unreadable(at, `there is no field ${shown(name)}`)
    else if (colon < 0 || value === '') yield unreadable(at, `${name} has no value`)
    else yield { at, not, name, value }
  }
}

function conditionOf({ at, not, name, value }: Word, reader: QueryReader): Condition | Refusal {
  if (isOneOf(choiceFields, name)) {
    const anyOf: (string | number)[] = []
    for (const one of whole.has(name) ? [value] : value.split(',')) {
      const choices = choicesOf[name]
      if (choices !== undefined && !choices.includes(one)) return unreadable(at, noSuch(name, one))
      if (one === '') return unreadable(at, `${name} has an empty value`)
      const key = name === 'parent' || name === 'rerun-of' ? reader.keyOf(one) : one
      if (key === null) return unreadable(at, `${shown(one)} is no id of an execution`)
      anyOf.push(key)
    }
    return { field: name, not, anyOf }
  }
  const field = name as BoundField
  const { op = '', rest = '' } = /^(?<op>[<>]=?|=?)(?<rest>.+)$/s.exec(value)?.groups ?? {}
  if (!times.has(field)) {
    if (!/^-?\d{1,9}$/.test(rest)) return unreadable(at, `${field} needs a whole number, for instance ${field}:>0`)
    return { field, not, op: op === '' ? '=' : (op as Comparison), value: Number(rest) }
  }
  if (op === '' || op === '=') return unreadable(at, `${field} needs < or >, for instance ${field}:<2h`)
  const time = timeOf(rest, reader.now)
  if (time === null) {
    return unreadable(at, `${shown(rest)} is neither a duration such as 2h nor a time such as 2026-11-01T08:00Z`)
  }
  return { field, not, op: time.isAge ? mirrored[op as keyof typeof mirrored] : (op as Comparison), value: time.at }
}

/** Older than an age is earlier than its time. */
const mirrored = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const

function timeOf(text: string, now: number): { readonly at: number; readonly isAge: boolean } | null {
  if (/^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$/.test(text)) {
    const at = Date.parse(text)
    return Number.isSafeInteger(at) ? { at, isAge: false } : null
  }
  const age = parseDuration(text)
  return typeof age === 'number' && age <= durationMsMax ? { at: now - age, isAge: true } : null
}

const isOneOf = <T extends string>(names: readonly T[], name: string): name is T =>
  (names as readonly string[]).includes(name)

const shown = (text: string): string => JSON.stringify(text.slice(0, 40).toWellFormed())

const noSuch = (field: ChoiceField, value: string): string =>
  `there is no ${field} ${shown(value)}; there are ${choicesOf[field]?.join(', ')}`

const unreadable = (at: number, why: string): Refusal =>
  refuse(
    'invalid_input',
    `The query cannot be read at character ${at}: ${why}.`,
    { at, fields: queryFields },
    `Write field:value with the fields ${queryFields.join(', ')}; a minus in front negates.`,
  )
