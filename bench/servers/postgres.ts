import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import type { Missing, Server } from './server.ts'

const run = promisify(execFile)

/** Durable as shipped (fsync and synchronous_commit are on), with memory and log as large as a small server has them. */
const settings = ['shared_buffers=1GB', 'max_wal_size=4GB', 'max_connections=100', 'listen_addresses=127.0.0.1']

/** Starts a PostgreSQL in a folder of its own, from the binaries of this machine. */
export async function startPostgres(): Promise<Server | Missing> {
  const binaries = findBinaries()
  if (binaries === undefined) {
    return { missing: 'PostgreSQL was not found (Debian and Ubuntu: apt-get install postgresql)' }
  }
  const folder = mkdtempSync(join(tmpdir(), 'pawl-bench-pg-'))
  const isRoot = process.getuid?.() === 0
  // PostgreSQL refuses to run as root.
  const asServer = (name: string, args: string[]): Promise<{ stdout: string }> =>
    isRoot
      ? run('setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', '--', join(binaries, name), ...args], {
          cwd: '/',
        })
      : run(join(binaries, name), args, { cwd: '/' })
  const data = join(folder, 'data')
  const stop = async (): Promise<void> => {
    await asServer('pg_ctl', ['-D', data, '-m', 'immediate', '-w', 'stop']).catch(() => {})
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    if (isRoot) {
      const { stdout } = await run('id', ['-u', 'postgres'])
      await chown(folder, Number(stdout), Number((await run('id', ['-g', 'postgres'])).stdout))
    }
    await asServer('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'])
    const port = await freePort()
    const options = [`-p ${port}`, `-k ${folder}`, ...settings.map((setting) => `-c ${setting}`)].join(' ')
    await asServer('pg_ctl', ['-D', data, '-w', '-l', join(folder, 'log'), '-o', options, 'start'])
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`
    const show = async (name: string): Promise<string> =>
      (
        await asServer('psql', ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-Atc', `show ${name}`])
      ).stdout.trim()
    // Another server may have taken the port between asking and starting.
    const place = await show('data_directory')
    if (place !== data) throw new Error('another server answers at the port')
    for (const name of ['fsync', 'synchronous_commit']) {
      if ((await show(name)) !== 'on') throw new Error(`${name} is not on`)
    }
    return { url, version: `PostgreSQL ${await show('server_version')}`, stop }
  } catch (thrown) {
    await stop()
    return { missing: `PostgreSQL could not be started: ${(thrown as Error).message.split('\n')[0]}` }
  }
}

function findBinaries(): string | undefined {
  const packaged = '/usr/lib/postgresql'
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map((version) => join(packaged, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  return folders.find((folder) => ['initdb', 'pg_ctl', 'psql'].every((name) => existsSync(join(folder, name))))
}
