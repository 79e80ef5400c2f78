/**
 * Prints the bill of materials: what an installed Pawl consists of, as CycloneDX JSON. Made from package-lock.json alone, so
 * that the same lock gives the same bytes on every machine; `npm sbom` leaves out the peers, and says when and where it ran.
 * The packed copy is docs/reference/sbom.cdx.json.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './files.ts'

export interface LockedPackage {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  /** Subresource Integrity: `sha512-` and base64. */
  readonly integrity?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

export interface PackageLock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

export interface Component {
  readonly 'bom-ref': string
  readonly type: 'library'
  readonly name: string
  readonly version: string
  readonly scope: 'required' | 'optional'
  readonly purl: string
  readonly hashes: readonly { readonly alg: string; readonly content: string }[]
  readonly licenses: readonly object[]
}

export interface BillOfMaterials {
  readonly bomFormat: 'CycloneDX'
  readonly specVersion: '1.5'
  readonly version: 1
  readonly metadata: object
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

export const billPath = 'docs/reference/sbom.cdx.json'

/**
 * Every package that an installation may hold: dependencies, optional ones and peers, whatever these need in turn, and nothing
 * that is there for development only. What is reached only through something optional is `optional` itself.
 *
 * @throws Error for a package that the lock does not hold, or holds without version, licence or hash
 */
export function billOfMaterials(lock: PackageLock): BillOfMaterials {
  const root = lock.packages['']
  if (root?.name === undefined || root.version === undefined || root.license === undefined)
    throw new Error('The lock says no name, version or licence of the project itself.')
  const own = `${root.name}@${root.version}`
  const refOf = (at: string): string => `${nameOf(at, lock.packages[at])}@${lock.packages[at]?.version}`
  const required = reached(lock, false)
  // One package may lie in several folders.
  const installed = [...Map.groupBy(reached(lock, true), refOf)].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      lifecycles: [{ phase: 'pre-build' }],
      component: {
        'bom-ref': own,
        type: 'library',
        name: root.name,
        version: root.version,
        purl: purlOf(root.name, root.version),
        licenses: [licenceOf(root.license)],
      },
    },
    components: installed
      .filter(([ref]) => ref !== own)
      .map(([ref, [at = '', ...others]]) =>
        componentOf(
          { ref, at, isRequired: [at, ...others].some((each) => required.has(each)) },
          lock.packages[at] ?? {},
        ),
      ),
    dependencies: installed.map(([ref, places]) => ({
      ref,
      dependsOn: [...new Set(places.flatMap((at) => needsOf(lock, at, true)).map(refOf))].sort(),
    })),
  }
}

export function renderBill(): string {
  const lock = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as PackageLock
  return `${JSON.stringify(billOfMaterials(lock), null, 2)}\n`
}

/** Where in the lock everything stands that the project reaches, itself included. */
function reached(lock: PackageLock, withOptional: boolean): ReadonlySet<string> {
  const found = new Set([''])
  // A set gives what is added to it while it is gone through, too.
  for (const at of found) for (const next of needsOf(lock, at, withOptional)) found.add(next)
  return found
}

function needsOf(lock: PackageLock, at: string, withOptional: boolean): string[] {
  const { dependencies = {}, optionalDependencies = {}, ...entry } = lock.packages[at] ?? {}
  const { peerDependencies = {}, peerDependenciesMeta = {} } = entry
  const names = new Set([
    ...Object.keys(dependencies),
    ...Object.keys(optionalDependencies),
    ...Object.keys(peerDependencies),
  ])
  return [...names].flatMap((name) => {
    const mayBeAbsent = peerDependenciesMeta[name]?.optional === true && !(name in dependencies)
    if (!withOptional && (mayBeAbsent || name in optionalDependencies)) return []
    const found = placeOf(lock, at, name)
    if (found !== undefined) return [found]
    // An optional peer of somebody else's, that nobody here installs.
    if (mayBeAbsent && at !== '') return []
    throw new Error(
      `The lock does not hold ${name}, which ${at === '' ? 'the project' : at} needs. Run \`npm install\` and \`node scripts/complete-lock.ts\`.`,
    )
  })
}

/** As Node looks for it: beside whoever needs it, then in each folder above. */
function placeOf({ packages }: PackageLock, at: string, name: string): string | undefined {
  for (let base = at; ; base = base.slice(0, Math.max(0, base.lastIndexOf('node_modules/') - 1))) {
    const place = `${base === '' ? '' : `${base}/`}node_modules/${name}`
    if (packages[place] !== undefined) return place
    if (base === '') return undefined
  }
}

interface Place {
  readonly ref: string
  readonly at: string
  readonly isRequired: boolean
}

function componentOf({ ref, at, isRequired }: Place, entry: LockedPackage): Component {
  const { version, license, integrity } = entry
  if (version === undefined || license === undefined || integrity === undefined)
    throw new Error(
      `The lock says no version, licence or hash of ${at}. Run \`npm install\` where the registry shows it.`,
    )
  const name = nameOf(at, entry)
  return {
    'bom-ref': ref,
    type: 'library',
    name,
    version,
    scope: isRequired ? 'required' : 'optional',
    purl: purlOf(name, version),
    hashes: integrity.split(' ').map(hashOf),
    licenses: [licenceOf(license)],
  }
}

/** An alias is installed under another name than its own. */
const nameOf = (at: string, entry: LockedPackage | undefined): string =>
  entry?.name ?? at.slice(at.lastIndexOf('node_modules/') + 'node_modules/'.length)

const purlOf = (name: string, version: string): string => `pkg:npm/${name.replace('@', '%40')}@${version}`

function hashOf(integrity: string): { alg: string; content: string } {
  const [, bits = '', base64 = ''] = /^sha(\d+)-(.+)$/.exec(integrity) ?? []
  return { alg: `SHA-${bits}`, content: Buffer.from(base64, 'base64').toString('hex') }
}

const licenceOf = (text: string): object => (/[\s(]/.test(text) ? { expression: text } : { license: { id: text } })

if (import.meta.main) process.stdout.write(renderBill())
