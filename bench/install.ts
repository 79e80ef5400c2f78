import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = import.meta.dirname
const stamp = join(folder, 'node_modules', '.bench-lock')

/** Installs the peers when they are missing or others than the lock names. Returns why that failed, or null. */
export function installPeers(say: (sentence: string) => void): string | null {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return null
  say(
    'Installing the systems that Pawl is compared with into bench/node_modules; the project itself does not need them.',
  )
  try {
    const args = ['ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
    execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
    writeFileSync(stamp, lock)
    return null
  } catch {
    return 'npm could not install it (its own words stand above)'
  }
}
