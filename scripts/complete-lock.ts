/**
 * Adds to package-lock.json the optional platform packages that npm left out.
 *
 * npm records only what its registry could show when the lock was written; a mirror without the packages of other
 * platforms leaves them out, and `npm ci` then refuses the lock (npm/cli#9846). Their exact version stands in the
 * parent's optionalDependencies and their platform in their name, so the entry can be completed without a network.
 * Run it after every `npm install`: node scripts/complete-lock.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'

export interface LockEntry {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

export interface Lock {
  packages: Record<string, LockEntry>
}

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32', 'netbsd', 'openbsd', 'sunos', 'aix']
const processors = ['x64', 'arm64', 'ia32', 'ppc64', 's390x', 'riscv64', 'arm', 'loong64']

/** Returns the completed lock and the names it added, in order. */
export function completeLock(lock: Lock): { lock: Lock; added: string[] } {
  const packages = { ...lock.packages }
  const added: string[] = []
  for (const [at, parent] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (isRecorded(packages, at, name)) continue
      const entry = platformEntry(name, version, parent.dev === true)
      if (!entry) continue
      packages[`node_modules/${name}`] = entry
      added.push(name)
    }
  }
  return { lock: { ...lock, packages: sortedByPath(packages) }, added }
}

function isRecorded(packages: Record<string, LockEntry>, at: string, name: string): boolean {
  let base = at
  for (;;) {
    if (packages[`${base ? `${base}/` : ''}node_modules/${name}`]) return true
    if (base === '') return false
    base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))
  }
}

/** Undefined for a range (only an exact version can be recorded) and for a package whose name holds no platform. */
function platformEntry(name: string, version: string, dev: boolean): LockEntry | undefined {
  const words = name.split(/[/-]/)
  const os = systems.find((system) => words.includes(system))
  if (os === undefined || !/^\d/.test(version)) return undefined
  const cpu = processors.find((processor) => words.includes(processor))
  const libc = words.includes('musl') ? 'musl' : words.includes('gnu') ? 'glibc' : undefined
  return {
    version,
    ...(dev ? { dev: true } : {}),
    optional: true,
    os: [os],
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(libc ? { libc: [libc] } : {}),
  }
}

function sortedByPath(packages: Record<string, LockEntry>): Record<string, LockEntry> {
  return Object.fromEntries(
    Object.entries(packages).sort(([a], [b]) => (a === '' ? -1 : b === '' ? 1 : a < b ? -1 : 1)),
  )
}

if (import.meta.main) {
  const file = process.argv[2] ?? 'package-lock.json'
  const { lock, added } = completeLock(JSON.parse(readFileSync(file, 'utf8')) as Lock)
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`${file}: ${added.length} platform packages added`)
}
