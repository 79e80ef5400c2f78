import { type State, stateCodes, stateOf } from '../../execution/machine.ts'
import type { BoundField, ChoiceField, Condition, Search, SearchPage } from '../search.ts'
import { executionColumns, requestColumns } from '../sqlite/columns.ts'
import { codeOf } from '../sqlite/lookups.ts'
import { foundOf, type Row } from '../sqlite/rows-of.ts'
import type { Found } from '../store.ts'
import type { Readers, Value } from './connection.ts'

/** Keys of one statement's window, and windows of one page: what a page may read where no index leads the way. */
const windowKeys = 20_000
const windowsMax = 5

const columnOf: { readonly [F in ChoiceField | BoundField]: string } = {
  state: 'e.state',
  action: 'r.action',
  subject: 'r.subject',
  key: 'r.idem_key',
  error: 'e.last_error_class',
  waiting: 'e.waiting_for',
  mode: 'r.mode',
  parent: 'r.parent_id',
  'rerun-of': 'r.rerun_of',
  created: 'r.at',
  finished: 'e.finished_at',
  priority: 'r.priority',
  version: 'r.action_version',
}

const textFields = new Set<ChoiceField>(['action', 'subject', 'key', 'error'])

/** Fields with an index that gives the rows of one value. */
const led = new Set<ChoiceField>(['subject', 'key', 'parent', 'rerun-of'])

/** Reads rows and leaves out what cannot be read. */
type ReadRows = <T>(rows: readonly Row[], read: (row: Row) => T) => Promise<readonly T[]>

/** Answers searches: conditions become clauses, values are always bound. */
export class Searches {
  readonly #readers: Readers
  readonly #read: ReadRows

  constructor(readers: Readers, read: ReadRows) {
    this.#readers = readers
    this.#read = read
  }

  found(search: Search): Promise<SearchPage<Found>> {
    return this.#page(search, `${executionColumns('e')}, ${requestColumns('r')}`, foundOf, ({ request }) => request.id)
  }

  keys(search: Search): Promise<SearchPage<{ readonly id: number; readonly state: State }>> {
    return this.#page(
      search,
      'r.id, e.state',
      (row) => ({ id: row[0] as number, state: stateOf(row[1] as number) }),
      ({ id }) => id,
    )
  }

  async #page<T>(
    search: Search,
    columns: string,
    read: (row: Row) => T,
    idOf: (row: T) => number,
  ): Promise<SearchPage<T>> {
    const { clauses, values } = clausesOf(search)
    const isLed = search.where.some(leads)
    const text = `select ${columns}
from requests r
join executions e on e.id = r.id
where ${['r.id < $1', 'r.id >= $2', ...clauses].join('\nand ')}
order by r.id desc
limit $3`
    const found: T[] = []
    const wanted = search.limit + 1
    let high = search.before ?? (await this.#above())
    for (let windows = 0; windows < windowsMax && high > 1; windows++) {
      const low = isLed ? 1 : Math.max(1, high - windowKeys)
      const missing = wanted - found.length
      const rows = await this.#readers.query(text, high, low, missing, ...values)
      found.push(...(await this.#read(rows, read)))
      if (found.length === wanted) {
        const page = found.slice(0, search.limit)
        const last = page.at(-1)
        return { found: page, next: last === undefined ? high : idOf(last) }
      }
      const cut = rows.length === missing ? rows.at(-1) : undefined
      high = cut === undefined ? low : (cut[0] as number)
    }
    return { found, next: high > 1 ? high : null }
  }

  async #above(): Promise<number> {
    const [row] = await this.#readers.query('select coalesce(max(id), 0) + 1 from requests')
    return row?.[0] as number
  }
}

/** Its rows are found by an index, so that no window is needed. */
const leads = (one: Condition): boolean =>
  'anyOf' in one &&
  !one.not &&
  one.anyOf.length === 1 &&
  (led.has(one.field) || (one.field === 'state' && one.anyOf[0] === 'running'))

/** Values follow the three of the window. */
function clausesOf({ tenant, where }: Search): { clauses: readonly string[]; values: readonly Value[] } {
  const clauses: string[] = []
  const values: Value[] = []
  const bind = (value: Value): string => `$${values.push(value) + 3}`
  if (tenant !== undefined) clauses.push(`r.tenant = ${bind(tenant)}`)
  for (const condition of where) {
    const column = columnOf[condition.field]
    const isTrue =
      'anyOf' in condition
        ? `${column} = any(${bind(codesOf(condition))}::${textFields.has(condition.field) ? 'text' : 'bigint'}[])`
        : `${column} ${condition.op} ${bind(condition.value)}::bigint`
    // What has no value fits no condition, so that it fits each negation.
    clauses.push(condition.not ? `(${isTrue}) is not true` : isTrue)
    // A constant that the index of running ones is known by.
    if (leads(condition) && condition.field === 'state') clauses.push('e.state = 4')
  }
  return { clauses, values }
}

function codesOf({ field, anyOf }: Extract<Condition, { anyOf: unknown }>): readonly (string | number)[] {
  switch (field) {
    case 'state':
      return anyOf.map((name) => stateCodes[name as State])
    case 'waiting':
      return anyOf.map((name) => codeOf.wait[name as keyof typeof codeOf.wait])
    case 'mode':
      return anyOf.map((name) => codeOf.mode[name as keyof typeof codeOf.mode])
    default:
      return anyOf
  }
}
