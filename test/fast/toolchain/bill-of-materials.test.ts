import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  type BillOfMaterials,
  billOfMaterials,
  billPath,
  type LockedPackage,
  type PackageLock,
} from '../../../scripts/bill-of-materials.ts'
import { projectRoot } from '../../../scripts/files.ts'

const read = (path: string): unknown => JSON.parse(readFileSync(join(projectRoot, path), 'utf8'))
const npm = (...args: string[]): unknown =>
  JSON.parse(execFileSync('npm', [...args, '--offline'], { cwd: projectRoot, encoding: 'utf8', maxBuffer: 2 ** 26 }))

/** npm's own view of the lock, development included. */
const bySight = npm('sbom', '--sbom-format=cyclonedx', '--package-lock-only') as BillOfMaterials
const manifest = read('package.json') as LockedPackage & { readonly files: readonly string[] }
const written = read(billPath) as BillOfMaterials

/** What runs with Pawl, found in npm's graph from the names in package.json on. */
function neededByNpm(): ReadonlySet<string> {
  const names = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
  const edges = new Map(bySight.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]))
  const needed = new Set(bySight.components.filter(({ name }) => names.has(name)).map((each) => each['bom-ref']))
  for (const ref of needed) for (const next of edges.get(ref) ?? []) needed.add(next)
  return needed
}

/** What a bill lacks, tells wrongly or has too much, compared with npm. */
function faultsOf(bill: BillOfMaterials): string[] {
  const needed = neededByNpm()
  const factsOf = ({ name, version, purl, hashes, licenses }: BillOfMaterials['components'][number]): string =>
    JSON.stringify({ name, version, purl, hashes, licenses })
  const listed = new Map(bill.components.map((each) => [each['bom-ref'], factsOf(each)]))
  const wrong = bySight.components
    .filter((each) => needed.has(each['bom-ref']) && listed.get(each['bom-ref']) !== factsOf(each))
    .map((each) => each['bom-ref'])
  return [...wrong, ...[...listed.keys()].filter((ref) => !needed.has(ref))]
}

test('every package that runs with Pawl is in the bill of materials, peers and what these need included, with its version, licence and hash', () => {
  expect(faultsOf(written)).toEqual([])
  const names = written.components.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['zod', 'sonic-boom', 'pg', 'pg-protocol', 'bullmq', 'ioredis']))
  expect(names).not.toContain('vitest')
  for (const { hashes, licenses } of written.components) {
    expect(hashes[0]).toEqual({ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) })
    expect(licenses).toHaveLength(1)
  }
})

test('one that is left out, one with another hash and one too many are each found', () => {
  const [first, second, ...rest] = written.components
  if (first === undefined || second === undefined) throw new Error('nothing is listed')
  expect(faultsOf({ ...written, components: [first, ...rest] })).toEqual([second['bom-ref']])
  const altered = { ...second, hashes: [{ alg: 'SHA-512', content: '00' }] }
  expect(faultsOf({ ...written, components: [first, altered, ...rest] })).toEqual([second['bom-ref']])
  const stranger = { ...first, 'bom-ref': 'left-pad@1.0.0' }
  expect(faultsOf({ ...written, components: [...written.components, stranger] })).toEqual(['left-pad@1.0.0'])
})

test('the packed package holds its bill, which is that of its lock, byte for byte', () => {
  const [packed] = npm('pack', '--dry-run', '--json', '--ignore-scripts') as { files: { path: string }[] }[]
  expect(packed?.files.map(({ path }) => path)).toContain(billPath)
  const made = billOfMaterials(read('package-lock.json') as PackageLock)
  expect(readFileSync(join(projectRoot, billPath), 'utf8')).toBe(`${JSON.stringify(made, null, 2)}\n`)
  expect(JSON.stringify(made)).not.toMatch(/serialNumber|timestamp/)
})

const entry = (more: Partial<LockedPackage> = {}): LockedPackage => ({
  version: '1.0.0',
  license: 'MIT',
  integrity: 'sha512-AAAA',
  ...more,
})
const small = (packages: Record<string, LockedPackage>): PackageLock => ({
  packages: {
    '': {
      ...entry({ name: 'own', dependencies: { a: '1', b: '1' } }),
      peerDependencies: { p: '1' },
      peerDependenciesMeta: { p: { optional: true } },
    },
    'node_modules/a': entry({ dependencies: { b: '2' }, optionalDependencies: { o: '1' } }),
    'node_modules/a/node_modules/b': entry({ version: '2.0.0', license: '(MIT OR Apache-2.0)' }),
    'node_modules/b': entry(),
    'node_modules/o': entry(),
    'node_modules/p': entry({ peerDependencies: { q: '1' }, peerDependenciesMeta: { q: { optional: true } } }),
    'node_modules/tool': entry(),
    ...packages,
  },
})

test('two versions of one package are two, the inner one is that of whoever it lies in, and only what must be there is required', () => {
  const { components, dependencies } = billOfMaterials(small({}))
  expect(components.map((each) => `${each['bom-ref']} ${each.scope}`)).toEqual([
    'a@1.0.0 required',
    'b@1.0.0 required',
    'b@2.0.0 required',
    'o@1.0.0 optional',
    'p@1.0.0 optional',
  ])
  expect(dependencies.find(({ ref }) => ref === 'a@1.0.0')?.dependsOn).toEqual(['b@2.0.0', 'o@1.0.0'])
  expect(dependencies.find(({ ref }) => ref === 'own@1.0.0')?.dependsOn).toEqual(['a@1.0.0', 'b@1.0.0', 'p@1.0.0'])
  expect(components[2]?.licenses).toEqual([{ expression: '(MIT OR Apache-2.0)' }])
})

test('a lock that lacks a package, its hash or its licence gives no bill', () => {
  const { 'node_modules/o': _, ...without } = small({}).packages
  expect(() => billOfMaterials({ packages: without })).toThrow('The lock does not hold o, which node_modules/a needs.')
  const { integrity: __, ...unhashed } = entry()
  expect(() => billOfMaterials(small({ 'node_modules/o': unhashed }))).toThrow('no version, licence or hash')
  const { license: ___, ...unlicensed } = entry()
  expect(() => billOfMaterials(small({ 'node_modules/b': unlicensed }))).toThrow('no version, licence or hash')
})
