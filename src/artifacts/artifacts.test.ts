import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sha256 } from '../json/hash.ts'
import { inlineText, wholeOf } from './content.ts'
import { artifactFiles } from './files.ts'
import { artifactMemory } from './memory.ts'
import { type ArtifactStore, addressOf } from './store.ts'
import { sweepArtifacts } from './sweep.ts'

const mediaType = 'application/octet-stream'
const hour = 3_600_000
let folder = ''
let now = 0
let names = 0

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pawl-artifacts-'))
  now = Date.UTC(2026, 0, 1)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const stores = {
  files: (bytesMax?: number) =>
    artifactFiles({ dataDir: folder, unique: () => `name-${++names}`, now: () => now, bytesMax }),
  memory: (bytesMax?: number) => artifactMemory({ now: () => now, bytesMax }),
}
const textIn = async (store: ArtifactStore, hash: string): Promise<string | null> => {
  const content = await store.get({ sha256: hash })
  return content === null ? null : (await wholeOf(content)).toString('utf8')
}
const entriesOf = async (store: ArtifactStore) => {
  const found = []
  for await (const entry of store.list()) found.push(entry)
  return found
}
const sweep = (store: ArtifactStore, rows: readonly string[] = [], dryRun = false) =>
  sweepArtifacts({ store, named: (asked) => asked.filter((each) => rows.includes(each)), now, graceMs: hour, dryRun })

describe.each(Object.entries(stores))('artifacts in %s', (_, open) => {
  test('SE-36 bytes, text and streams of the same content are one content under its hash', async () => {
    const store = open()
    const stored = await store.put(Buffer.from('grüße'), { mediaType })
    expect(stored).toEqual({ sha256: sha256('grüße'), bytes: 7, path: addressOf(sha256('grüße')) })
    expect(await store.put('grüße', { mediaType })).toEqual(stored)
    expect(await store.put(Readable.from([Buffer.from('grü'), Buffer.from('ße')]), { mediaType })).toEqual(stored)
    expect(await textIn(store, stored.sha256)).toBe('grüße')
    expect(await entriesOf(store)).toMatchObject([{ sha256: stored.sha256, bytes: 7, at: now }])
    expect([await store.has(stored), await store.has({ sha256: sha256('other') })]).toEqual([true, false])
    expect([await store.get({ sha256: sha256('other') }), await store.get({ sha256: '../../server.json' })]).toEqual([
      null,
      null,
    ])
  })

  test('SE-36 a stream that breaks or grows beyond the limit leaves nothing, and the limit is named', async () => {
    const store = open(1_000)
    let pulled = 0
    async function* endless() {
      for (; ; pulled += 1) yield Buffer.alloc(100, pulled)
    }
    await expect(store.put(endless(), { mediaType })).rejects.toThrow('larger than the 1000 bytes')
    expect(pulled).toBe(10)
    await expect(store.put(Buffer.alloc(1_001), { mediaType })).rejects.toThrow('1000')
    async function* broken() {
      yield Buffer.from('a part')
      throw new Error('the source broke')
    }
    await expect(store.put(broken(), { mediaType })).rejects.toThrow('the source broke')
    expect(await entriesOf(store)).toEqual([])
    expect((await store.put(Buffer.alloc(1_000), { mediaType })).bytes).toBe(1_000)
  })

  test('SE-36 the sweep deletes what no row names and is older than the grace, and only counts it in a dry run', async () => {
    const store = open()
    const orphan = await store.put('orphan', { mediaType })
    const named = await store.put('named', { mediaType })
    now += hour
    const young = await store.put('young', { mediaType })
    expect(await sweep(store, [named.sha256])).toEqual({ looked: 3, deleted: 0, bytes: 0 })
    now += 1
    expect(await sweep(store, [named.sha256], true)).toEqual({ looked: 3, deleted: 1, bytes: 6 })
    expect(await store.has(orphan)).toBe(true)
    expect(await sweep(store, [named.sha256])).toEqual({ looked: 3, deleted: 1, bytes: 6 })
    expect([await store.has(orphan), await store.has(named), await store.has(young)]).toEqual([false, true, true])
  })

  test('SE-36 a content that a live run stores again while the sweep decides is never deleted', async () => {
    const store = open()
    const old = await store.put('the same again', { mediaType })
    now += 2 * hour
    const swept = await sweepArtifacts({
      store,
      // Between the look at its date and the deletion, its row still on the way.
      named: async () => {
        await store.put('the same again', { mediaType })
        return []
      },
      now,
      graceMs: hour,
    })
    expect(swept).toEqual({ looked: 1, deleted: 0, bytes: 0 })
    expect(await textIn(store, old.sha256)).toBe('the same again')
  })
})

test('SE-36 what a killed process left half written is swept, and a sweep that was killed takes nothing with it', async () => {
  const store = stores.files()
  const named = await store.put('named', { mediaType })
  const place = join(folder, named.path)
  now += 2 * hour
  writeFileSync(join(folder, 'artifacts', 'half.tmp'), 'a part')
  // Killed between its two moves: the file of a row lies aside.
  writeFileSync(`${place}.x.swept`, readFileSync(place))
  rmSync(place)
  now = Date.now() + 2 * hour
  expect(await sweep(store, [named.sha256])).toEqual({ looked: 2, deleted: 1, bytes: 6 })
  expect(await textIn(store, named.sha256)).toBe('named')
  expect(
    readdirSync(join(folder, 'artifacts'), { recursive: true }).filter((each) => /tmp|swept/.test(String(each))),
  ).toEqual([])
})

test('SE-36 a file that does not have the size of its content is written anew', async () => {
  const store = stores.files()
  const { path, sha256: hash } = await store.put(Buffer.from('whole'), { mediaType })
  writeFileSync(join(folder, path), 'wh')
  await store.put(Buffer.from('whole'), { mediaType })
  expect(await textIn(store, hash)).toBe('whole')
})

test.each([
  ['text/plain', 'x'.repeat(10_240), true],
  ['text/plain', 'x'.repeat(10_241), false],
  ['application/json', `${'x'.repeat(10_238)}ü`, true],
  ['application/vnd.pawl+json; charset=utf-8', `${'x'.repeat(10_239)}ü`, false],
  ['application/pdf', 'x', false],
  ['text/plain', 'a\0b', false],
  ['text/plain', Buffer.from([0xff, 0xfe]), false],
  ['text/plain', '\ufeffx', true],
])('SE-36 10 KiB of text lie in the row, one byte more or other bytes do not (%s)', async (type, content, isInline) => {
  for (const given of [
    content,
    Readable.from([Buffer.from(content).subarray(0, 1), Buffer.from(content).subarray(1)]),
  ]) {
    const read = await inlineText(given, type)
    expect('text' in read).toBe(isInline)
    const whole = 'text' in read ? read.text : await stores.memory().put(read.content, { mediaType: type })
    expect(typeof whole === 'string' ? sha256(whole) : whole.sha256).toBe(sha256(Buffer.from(content)))
  }
})
