import { execFile } from 'node:child_process'
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findBinaries } from './binaries.ts'

const run = promisify(execFile)

/** A PostgreSQL of its own in a folder of its own, on a port that was free: nothing of it is left once it is stopped. */
export interface Throwaway {
  readonly url: string
  readonly version: string
  /** `immediate` is what a crash of the machine looks like to the database. */
  stop(how?: 'fast' | 'immediate'): Promise<void>
  start(): Promise<void>
  /** Its end without a word to anybody. */
  kill(): Promise<void>
  /** A replica of it, which takes what it is sent. */
  replica(name: string): Promise<Throwaway>
  /** Makes a replica the server that takes writes. */
  promote(): Promise<void>
  /** Stops it and takes its folder away. */
  remove(): Promise<void>
}

/**
 * Starts a throwaway server, from the binaries of this machine where no others are named.
 *
 * @param settings what differs from the defaults, such as `fsync=off`
 * @param origin the server that it is a replica of, and its name there
 * @throws with what to install where there are none
 */
export async function startThrowaway(
  settings: readonly string[] = [],
  binaries: string = findBinaries(),
  origin?: { readonly url: string; readonly name: string },
): Promise<Throwaway> {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-postgres-'))
  const isRoot = process.getuid?.() === 0
  // PostgreSQL refuses to run as root.
  const asServer = (name: string, args: readonly string[]): Promise<{ stdout: string }> =>
    isRoot
      ? run('setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', '--', join(binaries, name), ...args], {
          cwd: '/',
        })
      : run(join(binaries, name), [...args], { cwd: '/' })
  const data = join(folder, 'data')
  const port = await freePort()
  const options = [
    `-p ${port}`,
    `-k ${folder}`,
    ...['listen_addresses=127.0.0.1', 'max_connections=200', ...settings].map((setting) => `-c ${setting}`),
  ].join(' ')
  const start = async (): Promise<void> => {
    await asServer('pg_ctl', ['-D', data, '-w', '-l', join(folder, 'log'), '-o', options, 'start'])
  }
  const stop = async (how: 'fast' | 'immediate' = 'fast'): Promise<void> => {
    await asServer('pg_ctl', ['-D', data, '-m', how, '-w', 'stop']).catch(() => {})
  }
  const kill = async (): Promise<void> => {
    const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
    process.kill(Number(pid), 'SIGKILL')
  }
  const promote = async (): Promise<void> => {
    await asServer('pg_ctl', ['-D', data, '-w', 'promote'])
  }
  const remove = async (): Promise<void> => {
    await stop('immediate')
    await rm(folder, { recursive: true, force: true })
  }
  try {
    if (isRoot) {
      await giveToServer(folder)
    }
    if (origin === undefined) {
      await asServer('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'])
    } else {
      const from = `${origin.url}?application_name=${origin.name}`
      await asServer('pg_basebackup', ['-D', data, '-d', from, '-R', '-X', 'stream', '-c', 'fast', '--no-sync'])
    }
    await start()
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`
    // The first eight bytes of its control file name a server among all servers.
    const identifier = (await readFile(join(data, 'global/pg_control'))).readBigUInt64LE(0)
    const version = await versionOf(url, identifier)
    const replica = (name: string): Promise<Throwaway> => startThrowaway(settings, binaries, { url, name })
    return { url, version, stop, start, kill, replica, promote, remove }
  } catch (thrown) {
    await remove()
    throw thrown
  }
}

/** Another server may have taken the port between asking for it and starting: then it is not ours that answers. */
async function versionOf(url: string, identifier: bigint): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query(
      `select system_identifier::text as identifier, current_setting('server_version') as version from pg_control_system()`,
    )
    if (rows[0]?.identifier !== String(identifier)) throw new Error('another server answers at the port')
    return String(rows[0].version)
  } finally {
    await client.end()
  }
}

/** PostgreSQL refuses to run as root, and so do its companions: theirs is what they are to read. */
export async function giveToServer(path: string): Promise<void> {
  const of = async (flag: string): Promise<number> => Number((await run('id', [flag, 'postgres'])).stdout)
  await chown(path, await of('-u'), await of('-g'))
}

/** A port that the kernel has just found free. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('the kernel gave no port'))
        else resolve(address.port)
      })
    })
  })
}
