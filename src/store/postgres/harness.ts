import pg from 'pg'
import { inPlainWords } from './failures.ts'
import { openPostgres } from './open.ts'
import { apiRole, engineRole } from './roles.ts'
import type { PostgresSession } from './session.ts'
import type { Statements } from './statements.ts'
import type { PostgresViews } from './views.ts'

/** A store as the contract suite wants it: it asks for this shape, and knows nothing of PostgreSQL. */
interface OpenedForTest {
  readonly url: string
  readonly session: PostgresSession
  readonly views: () => PostgresViews
  readonly shell: Shell
  readonly close: () => Promise<void>
  readonly reopen: () => Promise<OpenedForTest>
}

interface Shell {
  readonly run: (sql: string) => Promise<void>
  readonly rows: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>
}

interface StoreHarness {
  readonly open: () => Promise<OpenedForTest>
}

interface HarnessOptions {
  /** Replaces single statements: for tests that take one apart. */
  readonly statements?: Partial<Statements> | undefined
  /** The same database through a pooler that hands out connections by transaction. */
  readonly through?: ((url: string) => string) | undefined
}

/** One emptied database for each open store, on a server whose databases may be made and dropped at will. */
export const serverHarness = (url: string, options: HarnessOptions = {}): StoreHarness => serverHarnesses(url)(options)

/** Several that share their databases, each with options of its own. */
export function serverHarnesses(url: string): (options?: HarnessOptions) => StoreHarness {
  const databases = new Databases(url)
  return (options = {}) => ({
    open: async () => openIn(databases, await databases.take(), options),
  })
}

const parser = {
  getTypeParser: (oid: number, format?: 'text') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format),
} as pg.CustomTypesConfig

let writers = 0
let harnesses = 0

async function openIn(databases: Databases, name: string, options: HarnessOptions): Promise<OpenedForTest> {
  const url = databases.urlOf(name)
  const { statements, through } = options
  const store = await openPostgres({
    url: through?.(databases.loginOf(name)) ?? databases.loginOf(name),
    prepare: through === undefined,
    statements,
    writer: `test-${process.pid}-${++writers}`,
    pause: () => Promise.resolve(),
  })
  const raw = await databases.shellOf(name)
  let [isAltered, isClosed] = [false, false]
  const ask = async (sql: string): Promise<pg.QueryResult> => {
    try {
      return await raw.query(inThisDialect(sql))
    } catch (thrown) {
      throw inPlainWords(thrown)
    }
  }
  return {
    url,
    session: store.session,
    views: () => store.views(),
    shell: {
      async run(sql) {
        if (sql.startsWith('drop')) isAltered = true
        await ask(sql)
      },
      rows: async (sql) => (await ask(sql)).rows,
    },
    async close() {
      if (isClosed) return
      isClosed = true
      await store.close()
      await databases.give(name, isAltered)
    },
    async reopen() {
      isClosed = true
      await store.close()
      return openIn(databases, name, options)
    },
  }
}

/** The suite's attacks with a database shell, as somebody would try them here: a row is never replaced past a trigger. */
function inThisDialect(sql: string): string {
  return sql
    .replace(/^(insert or (replace|ignore)|replace) into/, 'insert into')
    .replace(/^update or replace/, 'update')
    .replace(/^drop trigger archives_no_update$/, 'drop trigger archives_no_update on archives')
    .replace(/x'([0-9a-f]*)'/g, String.raw`'\x$1'::bytea`)
}

/** Databases of one test process: each is made from one that has the tables, and emptied when it is given back. */
class Databases {
  readonly #url: string
  readonly #free: string[] = []
  readonly #shells = new Map<string, pg.Client>()
  /** Several may share a server. */
  readonly #prefix = `pawl_${process.pid}_${++harnesses}`
  #made = 0
  #template: Promise<string> | undefined

  constructor(url: string) {
    this.#url = url
  }

  urlOf(name: string): string {
    const url = new URL(this.#url)
    url.pathname = `/${name}`
    return url.href
  }

  /** For a user who owns nothing and is no more than a member of the roles, so that nothing runs with other rights. */
  loginOf(name: string): string {
    const url = new URL(this.urlOf(name))
    url.username = login
    return url.href
  }

  async take(): Promise<string> {
    const free = this.#free.pop()
    if (free !== undefined) return free
    this.#template ??= this.#makeTemplate()
    const template = await this.#template
    const name = `${this.#prefix}_${++this.#made}`
    await this.#run(this.#url, `create database ${name} template ${template}`)
    return name
  }

  async shellOf(name: string): Promise<pg.Client> {
    const known = this.#shells.get(name)
    if (known !== undefined) return known
    const shell = new pg.Client({ connectionString: this.urlOf(name), types: parser, pipeline: true })
    shell.on('error', () => {})
    await shell.connect()
    this.#shells.set(name, shell)
    return shell
  }

  async give(name: string, isAltered: boolean): Promise<void> {
    const shell = await this.shellOf(name)
    if (isAltered) {
      this.#shells.delete(name)
      await shell.end()
      return
    }
    await shell.query(emptying)
    this.#free.push(name)
  }

  async #makeTemplate(): Promise<string> {
    const name = `${this.#prefix}_template`
    await this.#run(this.#url, `create database ${name}`)
    const opened = await openPostgres({ url: this.urlOf(name), writer: 'template', pause: () => Promise.resolve() })
    await opened.close()
    await this.#run(this.#url, makingLogin)
    return name
  }

  async #run(url: string, sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
}

const login = 'pawl_login'

/** Files of tests that run beside each other may make it at once. */
const makingLogin = `do $$
begin
  create role ${login} login noinherit in role ${engineRole}, ${apiRole};
exception
  when duplicate_object or unique_violation then null;
end $$`

/** Empties every table past its guards, except those that hold what the migrations put in. */
const emptying = `do $$
declare
  name text;
begin
  set local session_replication_role = replica;
  for name in
    select tablename
    from pg_tables
    where schemaname = 'public'
    and tablename not in ('migrations', 'meta', 'execution_status', 'event_type', 'execution_mode', 'wait_reason', 'effect_target', 'effect_state', 'timer_kind', 'pause_scope', 'plan_step_state', 'timeout_policies')
  loop
    execute format('delete from %I', name);
  end loop;
  delete from timeout_policies where version > 7;
end $$`
