import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { type State, stateCodes, stateOf } from '../../execution/machine.ts'
import type { BoundField, ChoiceField, Condition, Search, SearchPage } from '../search.ts'
import type { Found } from '../store.ts'
import { executionColumns, requestColumns } from './columns.ts'
import { codeOf } from './lookups.ts'
import { foundOf, type Row } from './rows-of.ts'

/** Keys of one statement's window, and windows of one page: what a page may read where no index leads the way. */
const windowKeys = 20_000
const windowsMax = 5
/** Texts differ by which conditions are asked, not by their values. */
const statementsMax = 200

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

/** Fields with an index that gives the rows of one value. */
const indexOf: { readonly [F in ChoiceField]?: string } = {
  subject: 'requests_subject',
  key: 'requests_key',
  parent: 'requests_parent',
  'rerun-of': 'requests_rerun',
}

interface Plan {
  readonly from: string
  readonly clauses: readonly string[]
  readonly values: readonly SQLInputValue[]
  /** Its rows are found by an index, so that no window is needed. */
  readonly isLed: boolean
}

/** Reads rows and leaves out what cannot be read. */
type ReadRows = <T>(rows: readonly Row[], read: (row: Row) => T) => readonly T[]

/** Answers searches of one connection: conditions become clauses, values are always bound. */
export class Searches {
  readonly #db: DatabaseSync
  readonly #read: ReadRows
  readonly #statements = new Map<string, StatementSync>()

  constructor(db: DatabaseSync, read: ReadRows) {
    this.#db = db
    this.#read = read
  }

  found(search: Search): SearchPage<Found> {
    return this.#page(search, `${executionColumns('e')}, ${requestColumns('r')}`, foundOf, ({ request }) => request.id)
  }

  keys(search: Search): SearchPage<{ readonly id: number; readonly state: State }> {
    return this.#page(
      search,
      'r.id, e.state',
      (row) => ({ id: row[0] as number, state: stateOf(row[1] as number) }),
      ({ id }) => id,
    )
  }

  #page<T>(search: Search, columns: string, read: (row: Row) => T, idOf: (row: T) => number): SearchPage<T> {
    const plan = planOf(search)
    const found: T[] = []
    const wanted = search.limit + 1
    let high = search.before ?? this.#above()
    for (let windows = 0; windows < windowsMax && high > 1; windows++) {
      const low = plan.isLed ? 1 : Math.max(1, high - windowKeys)
      const text = `select ${columns}
from ${plan.from}
where ${['r.id < ?', 'r.id >= ?', ...plan.clauses].join('\nand ')}
order by r.id desc
limit ?`
      const missing = wanted - found.length
      const rows = this.#statement(text).all(high, low, ...plan.values, missing)
      found.push(...this.#read(rows as unknown as Row[], read))
      if (found.length === wanted) {
        const page = found.slice(0, search.limit)
        const last = page.at(-1)
        return { found: page, next: last === undefined ? high : idOf(last) }
      }
      const cut = rows.length === missing ? (rows.at(-1) as unknown as Row | undefined) : undefined
      high = cut === undefined ? low : (cut[0] as number)
    }
    return { found, next: high > 1 ? high : null }
  }

  #above(): number {
    const row = this.#statement('select ifnull(max(id), 0) + 1 from requests').get()
    return (row as unknown as Row)[0] as number
  }

  #statement(text: string): StatementSync {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    if (this.#statements.size >= statementsMax) this.#statements.clear()
    const statement = this.#db.prepare(text)
    statement.setReturnArrays(true)
    this.#statements.set(text, statement)
    return statement
  }
}

function planOf({ tenant, where }: Search): Plan {
  const leader = where.find(isLeader)
  const runs = where.some((one) => 'anyOf' in one && one.field === 'state' && !one.not && isOnly(one.anyOf, 'running'))
  const parts = where.filter((one) => one !== leader).map(clauseOf)
  if (tenant !== undefined) parts.unshift({ clause: 'r.tenant = ?', value: tenant })
  if (leader !== undefined && 'anyOf' in leader) {
    parts.unshift({ clause: `${columnOf[leader.field]} = ?`, value: leader.anyOf[0] ?? null })
    const from = `requests r indexed by ${indexOf[leader.field]} cross join executions e on e.id = r.id`
    return { ...joined(parts), from, isLed: true }
  }
  if (runs) {
    const from = 'executions e indexed by executions_running cross join requests r on r.id = e.id'
    const { clauses, values } = joined(parts)
    return { clauses: ['e.state = 4', ...clauses], values, from, isLed: true }
  }
  return { ...joined(parts), from: 'requests r cross join executions e on e.id = r.id', isLed: false }
}

const isLeader = (one: Condition): boolean =>
  'anyOf' in one && !one.not && one.anyOf.length === 1 && indexOf[one.field] !== undefined

const isOnly = (values: readonly (string | number)[], value: string): boolean =>
  values.length === 1 && values[0] === value

interface Clause {
  readonly clause: string
  readonly value: SQLInputValue
}

const joined = (parts: readonly Clause[]) => ({
  clauses: parts.map(({ clause }) => clause),
  values: parts.map(({ value }) => value),
})

function clauseOf(condition: Condition): Clause {
  const column = columnOf[condition.field]
  const { clause, value } =
    'anyOf' in condition
      ? { clause: `${column} in (select value from json_each(?))`, value: JSON.stringify(codesOf(condition)) }
      : { clause: `${column} ${condition.op} ?`, value: condition.value }
  // What has no value fits no condition, so that it fits each negation.
  return { clause: condition.not ? `ifnull(${clause}, 0) = 0` : clause, value }
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
