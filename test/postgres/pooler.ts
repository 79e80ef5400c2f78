import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { freePort, giveToServer } from './throwaway.ts'

/** A PgBouncer of its own that hands out server connections by transaction. */
export interface Pooler {
  /** The same database, through it. */
  through(url: string): string
  close(): Promise<void>
}

const startMsMax = 20_000

/**
 * Starts PgBouncer before a throwaway server; users come in without a password.
 *
 * @param connections to the server for each database and user: the fewer, the more do transactions change hands
 */
export async function startPooler(server: string, users: readonly string[], connections: number): Promise<Pooler> {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-pooler-'))
  const [port, { hostname, port: serverPort }] = [await freePort(), new URL(server)]
  const [file, list] = [join(folder, 'pgbouncer.ini'), join(folder, 'users')]
  await writeFile(list, users.map((user) => `"${user}" ""\n`).join(''))
  await writeFile(
    file,
    `[databases]
* = host=${hostname} port=${serverPort}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${list}
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 500
`,
  )
  const isRoot = process.getuid?.() === 0
  if (isRoot) for (const path of [folder, file, list]) await giveToServer(path)
  const asServer = ['--reuid=postgres', '--regid=postgres', '--init-groups', '--', 'pgbouncer', '-q', file]
  const child = isRoot
    ? spawn('setpriv', asServer, { stdio: 'ignore' })
    : spawn('pgbouncer', ['-q', file], { stdio: 'ignore' })
  const through = (url: string): string => Object.assign(new URL(url), { port: String(port) }).href
  const clear = (): void => void child.kill('SIGKILL')
  process.once('exit', clear)
  const close = async (): Promise<void> => {
    process.off('exit', clear)
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await Promise.race([untilItAnswers(through(server)), failed(child)])
  } catch (thrown) {
    await close()
    throw thrown
  }
  return { through, close }
}

async function failed(child: ReturnType<typeof spawn>): Promise<never> {
  const [why] = await Promise.race([once(child, 'exit'), once(child, 'error').then(([error]) => [error])])
  throw new Error(`pgbouncer ended: ${String(why)} (Debian and Ubuntu: apt-get install pgbouncer)`)
}

async function untilItAnswers(url: string): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    try {
      await client.connect()
      return
    } catch (error) {
      if (waitedMs > startMsMax) throw error
      await pause(50)
    } finally {
      await client.end().catch(() => {})
    }
  }
}
