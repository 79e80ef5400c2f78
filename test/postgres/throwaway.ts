import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A PostgreSQL of its own in a folder of its own, on a port that was free: nothing of it is left once it is stopped. */
export interface Throwaway {
  readonly url: string
  readonly version: string
  /** `immediate` is what a crash of the machine looks like to the database. */
  stop(how?: 'fast' | 'immediate'): Promise<void>
  start(): Promise<void>
  /** Stops it and takes its folder away. */
  remove(): Promise<void>
}

/**
 * Starts a throwaway server from the binaries of this machine.
 *
 * @param settings what differs from the defaults, such as `fsync=off`
 * @throws with what to install where there are none
 */
export async function startThrowaway(settings: readonly string[] = []): Promise<Throwaway> {
  const binaries = await findBinaries()
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
  const remove = async (): Promise<void> => {
    await stop('immediate')
    await rm(folder, { recursive: true, force: true })
  }
  try {
    if (isRoot) {
      const of = async (flag: string): Promise<number> => Number((await run('id', [flag, 'postgres'])).stdout)
      await chown(folder, await of('-u'), await of('-g'))
    }
    await asServer('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'])
    await start()
    const show = async (name: string): Promise<string> => {
      const asked = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-Atc', `show ${name}`]
      return (await asServer('psql', asked)).stdout.trim()
    }
    // Another server may have taken the port between asking and starting.
    if ((await show('data_directory')) !== data) throw new Error('another server answers at the port')
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`
    return { url, version: await show('server_version'), stop, start, remove }
  } catch (thrown) {
    await remove()
    throw thrown
  }
}

async function findBinaries(): Promise<string> {
  const packaged = '/usr/lib/postgresql'
  const versions = existsSync(packaged) ? await readdir(packaged) : []
  const folders = [
    ...versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(packaged, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  const found = folders.find((folder) => ['initdb', 'pg_ctl', 'psql'].every((name) => existsSync(join(folder, name))))
  if (found === undefined) {
    throw new Error(
      'PostgreSQL is not installed; on Debian and Ubuntu: apt-get install -y --no-install-recommends postgresql',
    )
  }
  return found
}

/** A port that the kernel has just found free. */
function freePort(): Promise<number> {
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
