/** Programs that come with the system, not with npm: looked for, and installed where that is possible. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian's package of each program that a step may need. */
const packageOf = {
  spin: 'spin',
  gcc: 'gcc',
  postgres: 'postgresql',
  'redis-server': 'redis-server',
  pgbouncer: 'pgbouncer',
} as const

export type SystemProgram = keyof typeof packageOf

/** Debian keeps the programs of each PostgreSQL in a folder of its version, out of the path. */
const versioned = '/usr/lib/postgresql'

const folders = (): readonly string[] => [
  ...(process.env.PATH ?? '').split(delimiter),
  ...(existsSync(versioned) ? readdirSync(versioned).map((version) => join(versioned, version, 'bin')) : []),
]

const isThere = (program: string): boolean =>
  folders().some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Sees to it that all of them are there. Gives the sentence of what to install where it cannot; null when it could. */
export function ensurePrograms(programs: readonly SystemProgram[]): string | null {
  const wanted = programs.filter((program) => !isThere(program)).map((program) => packageOf[program])
  if (wanted.length === 0) return null
  const install = ['install', '-y', '--no-install-recommends', ...wanted]
  // An index that is too old names versions that are gone, so a failure is tried once more with a new one.
  const isDone = apt(install) || (apt(['update']) && apt(install))
  return isDone && programs.every(isThere)
    ? null
    : `Install ${wanted.join(', ')} (Debian and Ubuntu, as root: apt-get install ${wanted.join(' ')}) and run this again.`
}

function apt(words: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', words, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
}
