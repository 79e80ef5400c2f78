import { sha256 } from '../../json/hash.ts'
import type { Connection } from './connection.ts'
import { apiRole, engineRole } from './roles.ts'

/** Whose rows of a table the role of people's reads sees, beyond which there are none for it. */
type Seen =
  /** Rows of the tenant that its transaction names. */
  | 'own'
  /** Those, and rows that belong to all tenants. */
  | 'own or shared'
  /** Rows of an execution of that tenant; the column that names it. */
  | { readonly ofExecution: string }
  /** Every row: nothing in it is a tenant's. */
  | 'all'
  /** A condition of its own. */
  | { readonly where: string }

interface Privileges {
  /** What the engine does to it beside reading. */
  readonly engine: readonly ('insert' | 'update' | 'delete')[]
  /** Left out where people's reads have no business in it. */
  readonly api?: Seen
  /** Others may be let in by grants of their own, so that no row security stands before it. */
  readonly isOpen?: boolean
}

/** Set by each transaction of people's reads, for itself alone. */
const tenant = `(select current_setting('pawl.tenant', true))`

const sharedKey = `key like 'lock:["",%' or key like 'rate:["",%'`
/** A pause of a tenant names it as what is paused. */
const ofPause = `tenant = ${tenant} or (tenant is null and (scope <> 2 or value = ${tenant}))`
const codes: Privileges = { engine: [], api: 'all' }

/** What each role may do with each table, and nothing else. A table that is not here is nobody's: a test asks for its row. */
export const privileges: Readonly<Record<string, Privileges>> = {
  approvals: { engine: ['insert', 'update', 'delete'], api: { ofExecution: 'execution' } },
  archived_contents: {
    engine: ['insert', 'delete'],
    api: { where: `exists (select 1 from archives where archives.id = archived_contents.id)` },
  },
  archives: { engine: ['insert', 'delete'], api: 'own' },
  artifacts: { engine: ['insert', 'update', 'delete'], api: { ofExecution: 'execution' } },
  bulk_items: {
    engine: ['insert', 'update'],
    api: { where: `exists (select 1 from bulks where bulks.key = bulk_items.bulk)` },
  },
  bulks: { engine: ['insert', 'update'], api: 'own' },
  depth: { engine: ['insert', 'update', 'delete'] },
  effect_state: codes,
  effect_target: codes,
  event_type: codes,
  execution_effects: { engine: ['insert', 'update', 'delete'], api: { ofExecution: 'execution' } },
  execution_locks: { engine: ['insert', 'update', 'delete'], api: 'own or shared' },
  execution_logs: { engine: ['insert', 'update', 'delete'], api: { ofExecution: 'execution' } },
  execution_mode: codes,
  execution_status: codes,
  execution_steps: { engine: ['insert', 'delete'], api: { ofExecution: 'execution' } },
  executions: { engine: ['insert', 'update', 'delete'], api: 'own' },
  leaders: { engine: ['insert', 'update', 'delete'], api: 'all' },
  limits: { engine: ['insert', 'update', 'delete'], api: 'own or shared' },
  log: { engine: ['insert'], api: 'own' },
  meta: { engine: [], isOpen: true },
  outcomes: { engine: ['insert', 'delete'], api: 'own' },
  parked: {
    engine: ['insert', 'delete'],
    api: { where: `${sharedKey} or exists (select 1 from executions where executions.id = parked.id)` },
  },
  pause_intervals: { engine: ['insert', 'update'] },
  pause_scope: codes,
  pauses: { engine: ['insert', 'update', 'delete'], api: { where: ofPause } },
  permit_waiters: { engine: ['insert', 'update', 'delete'], api: 'own or shared' },
  plan_step_state: codes,
  plan_steps: { engine: ['insert', 'update', 'delete'], api: { ofExecution: 'execution' } },
  plans: { engine: ['insert', 'delete'], api: { ofExecution: 'execution' } },
  quarantine: { engine: ['insert', 'delete'], api: { where: `tenant is null or tenant = ${tenant}` } },
  policies: { engine: ['insert'], api: 'own' },
  processes: { engine: ['insert', 'update', 'delete'], api: 'all' },
  queues: { engine: ['insert'], api: 'all' },
  rate_limits: { engine: ['insert', 'update'] },
  ready: { engine: ['insert', 'delete'], api: { ofExecution: 'id' } },
  releases: { engine: ['insert', 'update', 'delete'], api: { where: ofPause } },
  requests: { engine: ['insert', 'delete'], api: 'own' },
  rights: { engine: ['insert'], api: 'own' },
  schedules: { engine: ['insert', 'update', 'delete'], api: 'own' },
  sign_ins: { engine: ['insert', 'update', 'delete'] },
  signals: { engine: ['insert', 'update', 'delete'], api: { ofExecution: 'execution' } },
  submissions: { engine: ['insert', 'update', 'delete'], isOpen: true },
  timeout_policies: { engine: ['insert'], api: 'all' },
  timer_kind: codes,
  timers: { engine: ['insert', 'delete'] },
  tokens: { engine: ['insert', 'update'] },
  transaction_steps: { engine: ['insert', 'delete'], isOpen: true },
  turns: { engine: ['insert', 'update'] },
  wait_reason: codes,
  workers: { engine: ['insert', 'update'], api: 'all' },
  writers: { engine: ['insert', 'update', 'delete'] },
}

/** For people and other programs, to read. */
export const shownViews = [
  'execution_alias',
  'execution_dlq',
  'execution_events',
  'execution_idempotency_ledger',
  'execution_queue',
  'execution_queue_task',
  'execution_queue_transition_audit',
  'flags',
  'grants',
  'idempotency_keys',
  'principals',
  'timeout_policies_in_force',
]

function conditionOf(table: string, seen: Seen): string {
  if (seen === 'own') return `tenant = ${tenant}`
  if (seen === 'own or shared') return `tenant in (${tenant}, '')`
  if (seen === 'all') return 'true'
  if ('where' in seen) return seen.where
  return `exists (select 1 from executions where executions.id = ${table}.${seen.ofExecution})`
}

/** Everything that a table allows, set anew whatever was set before. */
function statementsFor(table: string, { engine, api, isOpen = false }: Privileges): string {
  const seen =
    api === undefined
      ? []
      : [
          `grant select on ${table} to ${apiRole}`,
          `create policy ${apiRole} on ${table} for select to ${apiRole} using (${conditionOf(table, api)})`,
        ]
  return [
    `revoke all on ${table} from ${engineRole}, ${apiRole}`,
    `grant ${['select', ...engine].join(', ')} on ${table} to ${engineRole}`,
    `drop policy if exists ${engineRole} on ${table}`,
    `drop policy if exists ${apiRole} on ${table}`,
    `create policy ${engineRole} on ${table} to ${engineRole} using (true) with check (true)`,
    ...seen,
    ...(isOpen
      ? []
      : [`alter table ${table} enable row level security`, `alter table ${table} force row level security`]),
  ].join(';\n')
}

/** Views answer with the rights of whoever asks, not of whoever made them. */
const statementsForView = (view: string): string =>
  [`alter view ${view} set (security_invoker = true)`, `grant select on ${view} to ${engineRole}, ${apiRole}`].join(
    ';\n',
  )

/** The first migration behind which a schema has rights. */
export const privilegesBegin = 24

/** Names what is set by the text that sets it, so that another version's is seen and replaced. */
const mark = async (connection: Connection): Promise<string> =>
  `privileges ${sha256(await whole(connection)).slice(0, 16)}`

/** Those that are there: others in the same schema are none of ours. */
async function present(connection: Connection, names: readonly string[]): Promise<readonly string[]> {
  const text = 'select name from unnest($1::text[]) as name where to_regclass(name) is not null'
  return (await connection.query(text, names)).map((row) => String(row[0]))
}

async function whole(connection: Connection): Promise<string> {
  return (await present(connection, [...Object.keys(privileges), ...shownViews]))
    .map((name) => {
      const declared = privileges[name]
      return declared === undefined ? statementsForView(name) : statementsFor(name, declared)
    })
    .join(';\n')
}

/** Whether the database allows what this version wants it to, no more and no less. */
export async function hasPrivileges(connection: Connection): Promise<boolean> {
  const [row] = await connection.query(`select obj_description('migrations'::regclass, 'pg_class')`)
  return row?.[0] === (await mark(connection))
}

/** Inside a transaction of the owner. */
export async function applyPrivileges(connection: Connection): Promise<void> {
  const [row] = await connection.query('select quote_ident(current_schema())')
  const schema = String(row?.[0])
  const text = await whole(connection)
  const tables = await present(connection, Object.keys(privileges))
  await connection.command(
    [
      // Before anything is granted: a grant holds the table's row of the catalog, for which a vacuum of the server waits
      // while it holds the table that is asked for next.
      `lock table ${tables.join(', ')} in access exclusive mode`,
      `grant usage on schema ${schema} to ${engineRole}, ${apiRole}`,
      text,
      // Read before a role is taken on, by whoever connects.
      'grant select on migrations to public',
      `comment on table migrations is '${await mark(connection)}'`,
    ].join(';\n'),
  )
}
