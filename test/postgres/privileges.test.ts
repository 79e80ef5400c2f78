import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { Refused } from '../../src/errors/refusal.ts'
import { postgres } from '../../src/postgres.ts'
import { Readers } from '../../src/store/postgres/connection.ts'
import { privileges } from '../../src/store/postgres/privileges.ts'
import { statements } from '../../src/store/postgres/statements.ts'
import { PostgresViews } from '../../src/store/postgres/views.ts'
import type { Views } from '../../src/store/store.ts'
import { openDatabase } from './database.ts'

let url = ''
const open: { close(): Promise<unknown> }[] = []
beforeEach(async () => {
  url = await openDatabase(inject('postgres'))
})
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function shell(at = url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: at })
  await client.connect()
  open.push({ close: () => client.end() })
  return client
}

const as = (user: string): string => {
  const address = new URL(url)
  address.username = user
  return address.href
}

const begun = async (): Promise<pg.Client> => {
  await (await postgres({ url })).close()
  return shell()
}

test('SE-33 every right of every role in every table is the one that is written down', async () => {
  const client = await begun()
  const { rows } = await client.query(`select c.relname as name, r.role,
  array_to_string(array(
    select p from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as p
    where has_table_privilege(r.role, c.oid, p)
  ), ' ') as privileges,
  c.relkind = 'v' or (c.relrowsecurity and c.relforcerowsecurity) as guarded,
  case when r.role = 'public' then null else (
    select string_agg(lower(cmd) || ' ' || coalesce(regexp_replace(qual, '\\s+', ' ', 'g'), ''), ' | ' order by policyname)
    from pg_policies
    where tablename = c.relname and r.role = any(roles)
  ) end as seen
from pg_class c, unnest(array['pawl_engine', 'pawl_api', 'public']) as r (role)
where c.relnamespace = 'public'::regnamespace
and c.relkind in ('r', 'v')
order by c.relname collate "C", r.role collate "C"`)
  const lines = rows
    .filter(({ privileges, seen }) => privileges !== '' || seen !== null)
    .map(({ name, role, privileges, guarded, seen }) =>
      [name, role, privileges, guarded === true ? '' : '(no row security)', role === 'pawl_api' ? seen : '']
        .join('  ')
        .trimEnd(),
    )
  // To renew it: the text that this test has found, once it is what is meant.
  expect(lines.join('\n')).toBe(readFileSync(new URL('./privileges.txt', import.meta.url), 'utf8').trimEnd())
})

test('SE-33 the roles own nothing and are nobody’s way in', async () => {
  const client = await begun()
  const { rows } = await client.query(
    `select rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname in ('pawl_engine', 'pawl_api') order by 1`,
  )
  const plain = { rolcanlogin: false, rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false }
  expect(rows).toEqual([
    { rolname: 'pawl_api', ...plain },
    { rolname: 'pawl_engine', ...plain },
  ])
  const owned = `select relname from pg_class where relowner in ('pawl_engine'::regrole, 'pawl_api'::regrole)`
  expect((await client.query(owned)).rows).toEqual([])
})

/** A row of tenant acme in every table that holds what is a tenant's, past every guard. */
async function fill(client: pg.Client): Promise<void> {
  const { rows } =
    await client.query(`select table_name as name, array_agg(column_name::text) as columns, array_agg(data_type::text) as types
from information_schema.columns
where table_schema = 'public' and is_nullable = 'NO' and column_default is null and is_identity = 'NO'
group by table_name`)
  const said: Record<string, Record<string, string>> = {
    archives: { state: '7' },
    artifacts: { path: `'x'` },
    plans: { hash: `'h'` },
    policies: { kind: `'set'`, version: '2' },
    rights: { kind: `'grant'` },
    schedules: { paused: '0', misfire: `'skip'` },
    bulks: { state: `'running'`, command: `'cancel'` },
    execution_effects: { state: '1' },
    archived_contents: { id: '1' },
    pauses: { scope: '3', tenant: `'acme'` },
    releases: { scope: '3', tenant: `'acme'` },
    quarantine: { tenant: `'acme'` },
    execution_logs: { level: '4', bytes: '0', dropped: '0' },
  }
  const texts: string[] = []
  for (const { name, columns, types } of rows as { name: string; columns: string[]; types: string[] }[]) {
    const { api } = privileges[name] ?? { api: undefined }
    if (api === undefined || api === 'all') continue
    const cells = new Map(
      columns.map((column, index) => {
        const text = column === 'tenant' ? `'acme'` : /json|key/.test(column) ? `'K'` : `'x'`
        return [column, types[index] === 'bytea' ? `'\\x00'` : types[index] === 'text' ? text : '1']
      }),
    )
    for (const [column, value] of Object.entries(said[name] ?? {})) cells.set(column, value)
    texts.push(`insert into ${name} (${[...cells.keys()].join(', ')}) values (${[...cells.values()].join(', ')})`)
  }
  await client.query(`set session_replication_role = replica; ${texts.join(';\n')}; reset session_replication_role`)
}

const tenantTables = Object.entries(privileges).flatMap(([name, { api }]) =>
  api === undefined || api === 'all' ? [] : [name],
)

async function countAs(client: pg.Client, tenant: string | null, relation: string): Promise<number> {
  await client.query('begin; set local role pawl_api')
  if (tenant !== null) await client.query(`select set_config('pawl.tenant', $1, true)`, [tenant])
  const { rows } = await client.query(`select count(*)::int as n from ${relation}`)
  await client.query('commit')
  return rows[0].n as number
}

test('SE-33 whoever reads for a tenant finds its rows in every table, for another one none, and none for nobody', async () => {
  const client = await begun()
  await fill(client)
  const found = async (tenant: string | null): Promise<string[]> => {
    const names: string[] = []
    for (const name of tenantTables) if ((await countAs(client, tenant, name)) > 0) names.push(name)
    return names
  }
  expect(await found('acme')).toEqual(tenantTables)
  expect(await found('beta')).toEqual([])
  expect(await found('')).toEqual([])
  expect(await found(null)).toEqual([])
  expect(await countAs(client, 'beta', 'execution_queue')).toBe(0)
  expect(await countAs(client, 'beta', 'execution_queue_task')).toBe(0)
  expect(await countAs(client, 'acme', 'execution_queue_task')).toBe(1)
})

test('SE-33 whoever reads for people writes nothing, and sees nothing of what only the engine knows', async () => {
  const client = await begun()
  const attempt = async (text: string): Promise<string> => {
    await client.query(`begin; set local role pawl_api; set local pawl.tenant = 'acme'`)
    try {
      await client.query(text)
      return 'done'
    } catch (thrown) {
      return (thrown as { code: string }).code
    } finally {
      await client.query('rollback')
    }
  }
  const refused = '42501'
  expect(await attempt('select hash from tokens')).toBe(refused)
  expect(await attempt('select public_id_key from meta')).toBe(refused)
  expect(await attempt('select * from timers')).toBe(refused)
  expect(await attempt('update executions set state = 7')).toBe(refused)
  expect(await attempt('delete from executions')).toBe(refused)
  expect(await attempt(`insert into queues values (9, 'a', 1)`)).toBe(refused)
  expect(await attempt('create table mine (id int)')).toBe(refused)
  expect(await attempt('set role pawl_engine')).toBe('done')
})

/** The statements as somebody would have written them who forgot whose rows are meant. */
const forgetful = Object.fromEntries(
  Object.entries(statements).map(([name, text]) => [
    name,
    text
      .replace(/\(select tenant from requests where id = e\.execution\) = \$\d/g, 'true')
      .replace(/(\w+\.)?tenant = (\$\d+)\b/g, '($2::text is null or true)')
      .replace(/(\w+\.)?tenant in \((\$\d+), ''\)/g, 'true'),
  ]),
)

/** How many rows of acme somebody gets who asks everything for beta, by name and by key. */
async function leaks(views: Views): Promise<Record<string, number>> {
  const asked: Record<string, () => unknown> = {
    find: () => views.find(1),
    list: () => views.list({ tenant: 'beta', limit: 10 }),
    listBySubject: () => views.list({ tenant: 'beta', subject: 'x', limit: 10 }),
    listByKey: () => views.list({ tenant: 'beta', key: 'K', limit: 10 }),
    search: async () => (await views.search({ where: [], limit: 10 })).found,
    outcome: () => views.outcome(1),
    steps: () => views.steps(1),
    effects: () => views.effects({ tenant: 'beta', limit: 10 }),
    openEffects: () => views.effects({ tenant: 'beta', open: true, limit: 10 }),
    effectsOf: () => views.effects({ id: 1, limit: 10 }),
    plan: () => views.plan(1),
    planSteps: () => views.planSteps(1, 0, 10),
    artifacts: () => views.artifacts(1),
    artifactsNamed: () => views.artifactsNamed(['x']),
    logs: () => views.logs(1, 0, 10),
    signals: () => views.signals(1, 10),
    log: () => views.log(0, 10, 'beta'),
    changed: async () => (await (views as PostgresViews).changedBehind(0, 10)).length || null,
    counts: () => views.countsByState('beta'),
    failures: () => views.failuresSince(0, 'beta'),
    running: () => views.running('beta'),
    pauses: () => views.pauses(),
    permits: () => views.permits({ tenant: 'beta', limit: 10 }),
    permitsOf: () => views.permitsOf(1),
    waiters: () => views.waiters('acme', 'K'),
    waitersOf: () => views.waitersOf(1),
    parked: () => views.parked('K', 10),
    parkedUnder: () => views.parkedUnder(1),
    limits: () => views.limits('beta'),
    releases: () => views.releases(),
    bulk: () => views.bulk(1),
    bulks: () => views.bulks('beta'),
    openBulks: () => views.openBulks(),
    bulkItems: () => views.bulkItems(1, 10),
    bulkRefusals: () => views.bulkRefusals(1),
    archived: () => views.archived(1),
    archives: () => views.archives('beta', 9, 10),
    schedules: () => views.schedules('beta', '', 10),
    schedule: () => views.schedule('beta', 'x'),
    dueSchedules: () => views.dueSchedules(9, 10),
    quarantine: () => views.quarantine(),
  }
  const found: Record<string, number> = {}
  for (const [name, ask] of Object.entries(asked)) {
    // A row of this test holds no plan or state that could be read: that it came is what counts.
    const answer = await Promise.resolve(ask()).catch((error: unknown) => (error instanceof Refused ? 1 : [error]))
    const count = Array.isArray(answer) ? answer.length : answer === null ? 0 : 1
    if (count > 0) found[name] = count
  }
  return found
}

test('SE-33 a question that forgets its tenant gives another one’s rows to nobody', async () => {
  const client = await begun()
  await fill(client)
  const readers = Readers.open({ url, statements: forgetful })
  open.push(readers)
  const views = new PostgresViews(readers)
  expect(await leaks(views.of('beta'))).toEqual({})
  // The same questions without the fence: what they would have given away.
  const given = Object.keys(await leaks(views))
  expect(given).toEqual(expect.arrayContaining(['find', 'list', 'search', 'steps', 'effects', 'log', 'schedules']))
  expect(given.length).toBeGreaterThan(25)
})

const refusalOf = (opening: Promise<{ close(): Promise<unknown> }>): Promise<unknown> =>
  opening.then(
    async (host) => {
      await host.close()
      return 'opened'
    },
    (error: unknown) => (error instanceof Refused ? error.refusal : error),
  )

test('SE-33 who owns the database but may make no roles is told what an administrator has to run, and then works', async () => {
  const client = await shell()
  const database = new URL(url).pathname.slice(1)
  const user = `owner_${database}`
  await client.query(`create role ${user} login; alter database ${database} owner to ${user}`)
  // Another database of this server may have made them before; nobody has taken this user in.
  const refusal = await refusalOf(postgres({ url: as(user) }))
  expect(refusal).toMatchObject({ code: 'store_roles_missing' })
  const { next } = refusal as { next: string }
  expect(next).toContain(`grant pawl_engine, pawl_api to ${user};`)
  for (const text of next.slice(next.indexOf('create role')).split(';').slice(0, 3)) {
    await client.query(text).catch((error: { code?: string }) => expect(error.code).toBe('42710'))
  }
  expect(await refusalOf(postgres({ url: as(user) }))).toBe('opened')
  expect(await refusalOf(postgres({ url: as(user), migrate: false }))).toBe('opened')
  await client.query(`revoke pawl_api from ${user}`)
  expect(await refusalOf(postgres({ url: as(user), migrate: false }))).toMatchObject({ code: 'store_roles_missing' })
})

test('SE-33 who may make roles makes them, and a user who owns nothing runs beside the owner', async () => {
  const client = await shell()
  const database = new URL(url).pathname.slice(1)
  const [owner, guest] = [`maker_${database}`, `guest_${database}`]
  await client.query(
    `create role ${owner} login createrole; create role ${guest} login noinherit; alter database ${database} owner to ${owner}`,
  )
  const { rows } = await client.query(`select count(*)::int as n from pg_roles where rolname = 'pawl_api'`)
  // Where they are there already they are somebody else's, and only who has made them may give them.
  if (rows[0].n === 1) await client.query(`grant pawl_engine, pawl_api to ${owner} with admin option`)
  expect(await refusalOf(postgres({ url: as(owner) }))).toBe('opened')
  expect(await refusalOf(postgres({ url: as(guest) }))).toMatchObject({ code: 'store_roles_missing' })
  await client.query(`grant pawl_engine, pawl_api to ${guest}`)
  expect(await refusalOf(postgres({ url: as(guest) }))).toBe('opened')
})

test('SE-33 rights that somebody has changed by another version are set anew by whoever may, and refused by whoever may not', async () => {
  const client = await begun()
  await client.query(`comment on table migrations is 'privileges of another version'; grant delete on log to pawl_api`)
  expect(await refusalOf(postgres({ url, migrate: false }))).toMatchObject({ code: 'store_older_schema' })
  expect(await refusalOf(postgres({ url }))).toBe('opened')
  const { rows } = await client.query(`select has_table_privilege('pawl_api', 'log', 'delete') as may`)
  expect(rows).toEqual([{ may: false }])
})
