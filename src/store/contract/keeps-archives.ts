import { expect, test } from 'vitest'
import type { Execution } from '../../execution/execution.ts'
import type { ArchivableAsk } from '../store.ts'
import * as build from './builders.ts'
import type { Harness } from './harness.ts'
import { type Shape, Story } from './story.ts'

/** Notes the archive's event and puts the executions away, in one commit. */
async function putAway(story: Story, executions: readonly Execution[]): Promise<readonly Execution[]> {
  const archive = executions.map(({ id }) => ({ id, at: 90 }))
  return story.change('archived', executions, (was, head) => ({ ...was, n: was.n + 1, head }), { archive })
}

async function ended(story: Story, ...some: readonly Shape[]): Promise<readonly Execution[]> {
  return story.succeed(await story.claim(await story.admit(...some)))
}

/** What has ended leaves the tables for one document, and comes back as it was; nothing else is ever deleted. */
export function keepsArchives(harness: Harness): void {
  const ask = (some: Partial<ArchivableAsk> = {}): ArchivableAsk => {
    return { finishedBefore: 10_000, tenant: null, after: 0, limit: 10, lookedAt: 100, ...some }
  }

  test('REL-11h an archived execution is away, and what its archive holds is what stood there', () =>
    Story.tell(harness, async (story) => {
      const [done] = await ended(story, { request: { key: 'k', subject: 'quote:1' } }, {})
      const [away] = await putAway(story, done === undefined ? [] : [done])
      expect(await story.session.executions([1, 2])).toMatchObject([{ id: 2 }])
      expect(await story.session.requests([1])).toEqual([])
      const [archived] = await story.session.archived([1, 2])
      expect(archived).toMatchObject({ id: 1, tenant: 'acme', archivedAt: 90 })
      expect(archived?.parts?.execution).toEqual(away)
      expect(archived?.parts?.request).toMatchObject({ id: 1, key: 'k', subject: 'quote:1' })
      expect(archived?.parts?.outcomes).toMatchObject([{ id: 1, state: 'succeeded' }])
      const views = await story.views()
      expect(await views.archived(1)).toEqual(archived)
      expect(await views.archived(2)).toBeNull()
      expect(await views.find(1)).toBeNull()
    }))

  test('REL-11h what is restored is what was archived, row for row', () =>
    Story.tell(harness, async (story) => {
      const tables = ['requests', 'executions', 'outcomes', 'execution_steps', 'execution_effects', 'artifacts']
      const dump = () => Promise.all(tables.map((table) => story.shell.rows(`select * from ${table}`)))
      const running = await story.claim(await story.admit({}, {}))
      const [first] = running
      if (first === undefined) throw new Error('one was claimed')
      const artifact = { execution: first.id, name: 'a', sha256: 'h', bytes: 3, mediaType: 't/x', path: 'p', at: 5 }
      await story.commit({
        steps: [build.aStep(first.id, 'sum')],
        effects: [build.anEffect(first.id, 'key', { state: 'applied', concludedAt: 40 })],
        artifacts: [artifact],
      })
      await story.succeed(running)
      const [, other] = await story.session.executions([1, 2])
      const [done] = await story.session.executions([1])
      const n = done?.n ?? 0
      const head = await story.position()
      await putAway(story, done === undefined ? [] : [done])
      const between = await dump()
      expect(between.flat()).toHaveLength(3)
      await story.commit({ restore: [1] })
      const after = await dump()
      expect((await story.session.executions([1]))[0]).toEqual({ ...done, n: n + 1, head })
      expect((await story.session.executions([2]))[0]).toEqual(other)
      expect(after.map((rows) => rows.length)).toEqual([2, 2, 2, 1, 1, 1])
      expect(await story.session.archived([1])).toEqual([])
      expect((await (await story.views()).events(1, 0, 10)).at(-1)?.type).toBe('archived')
    }))

  test('REL-11h keys are owned from the archive, by generation and by the newest', () =>
    Story.tell(harness, async (story) => {
      const lookup = { tenant: 'acme', action: 'quote.render', recordOnly: false, key: 'k', generation: null }
      await putAway(story, await ended(story, { request: { key: 'k' } }, { request: { key: 'k', generation: 2 } }))
      const owners = await story.session.keyOwners([
        lookup,
        { ...lookup, generation: 1 },
        { ...lookup, generation: 3 },
        { ...lookup, tenant: 'globex' },
        { ...lookup, tenant: 'globex', generation: 1 },
        { ...lookup, action: 'crm.sync' },
        { ...lookup, action: 'crm.sync', generation: 1 },
        { ...lookup, recordOnly: true },
        { ...lookup, recordOnly: true, generation: 1 },
        { ...lookup, key: 'other' },
        { ...lookup, key: 'other', generation: 1 },
      ])
      expect(owners.map((owner) => owner?.id ?? null)).toEqual([2, 1, ...Array<null>(9).fill(null)])
      expect(owners[0]).toMatchObject({ archived: true })
    }))

  test('REL-11h the newest generation owns a key, whether it or an earlier one is archived', () =>
    Story.tell(harness, async (story) => {
      const lookup = { tenant: 'acme', action: 'quote.render', recordOnly: false, key: 'k', generation: null }
      const [first] = await ended(story, { request: { key: 'k' } })
      const [second] = await ended(story, { request: { key: 'k', generation: 2 } })
      await putAway(story, first === undefined ? [] : [first])
      expect(await story.session.keyOwners([lookup])).toMatchObject([{ id: 2 }])
      await story.commit({ restore: [1] })
      await putAway(story, second === undefined ? [] : [second])
      expect(await story.session.keyOwners([lookup])).toMatchObject([{ id: 2, archived: true }])
    }))

  test('REL-11h an id is never given again, also after a restart', () =>
    Story.tell(harness, async (story) => {
      await putAway(story, await ended(story, {}, {}))
      const { reopen } = story.store
      const next = async (opened: { readonly session: Story['session'] }) => (await opened.session.counters()).execution
      expect(await next(story.store)).toBe(3)
      if (reopen === undefined) return
      const again = await reopen()
      expect(await next(again)).toBe(3)
      const lookup = { tenant: 'acme', action: 'quote.render', recordOnly: false, key: 'none', generation: null }
      expect(await again.session.keyOwners([lookup])).toEqual([null])
      await again.close()
    }))

  test('REL-11h only what has ended before the time is found, a part at a time', () =>
    Story.tell(harness, async (story) => {
      const done = await ended(story, {}, {}, { request: { tenant: 'globex' } }, {})
      await story.claim(await story.admit({}, {}))
      const found = async (some: Partial<ArchivableAsk>) => (await story.session.archivable(ask(some))).ids
      expect(await found({})).toEqual([1, 2, 3, 4])
      expect(await found({ tenant: 'globex' })).toEqual([3])
      expect(await found({ states: ['failed'] })).toEqual([])
      expect(await found({ states: ['succeeded', 'failed'], after: 1 })).toEqual([2, 3, 4])
      expect(await found({ finishedBefore: done[0]?.finishedAt ?? 0 })).toEqual([])
      expect(await found({ lookedAt: 2 })).toEqual([1, 2])
      expect(await story.session.archivable(ask({ limit: 3 }))).toEqual({ ids: [1, 2, 3], next: 3 })
      expect(await story.session.archivable(ask({ after: 6 }))).toEqual({ ids: [], next: null })
      expect((await story.session.archivable(ask({ finishedBefore: 0 }))).next).toBeNull()
      await story.shell.run('update executions set open_effects = 1 where id = 4')
      expect(await found({})).toEqual([1, 2, 3])
    }))

  test('REL-11h neither the parent nor the child of what goes on is found', () =>
    Story.tell(harness, async (story) => {
      const [parent] = await story.admit({})
      const children = await story.admit({ request: { parentId: 1 } }, { request: { parentId: 1 } }, {})
      await story.succeed(await story.claim(children.slice(0, 1)))
      const found = async () => (await story.session.archivable(ask())).ids
      expect(await found()).toEqual([])
      await story.succeed(await story.claim(parent === undefined ? [] : [parent]))
      expect(await found()).toEqual([2])
      await story.succeed(await story.claim(children.slice(1, 2)))
      expect(await found()).toEqual([1, 2, 3])
    }))

  test('REL-11h what still holds a permit is not found', () =>
    Story.tell(harness, async (story) => {
      await ended(story, {}, {})
      await story.shell.run("insert into execution_locks values ('acme', 'k', 0, 1, 2, null, 5, 1)")
      expect((await story.session.archivable(ask())).ids).toEqual([2])
    }))

  test('REL-11h of several archives each is read, and brought back, for itself', () =>
    Story.tell(harness, async (story) => {
      const [first] = await ended(story, { request: { at: 20_000 } })
      const [second] = await story.admit({})
      const tried = await story.move('retry_requested', await story.claim(second === undefined ? [] : [second]), {})
      await putAway(story, [...(first === undefined ? [] : [first]), ...(await story.succeed(tried))])
      const views = await story.views()
      expect((await views.events(2, 0, 10)).map(({ type }) => type)).toEqual([
        'enqueue',
        'claim',
        'retry_requested',
        'succeed',
        'archived',
      ])
      await story.commit({ restore: [2] })
      expect((await story.session.executions([1, 2])).map(({ id }) => id)).toEqual([2])
      expect((await story.session.archived([1, 2])).map(({ id }) => id)).toEqual([1])
    }))

  test('REL-11h a look ends behind what was requested before the time, not behind the first row', () =>
    Story.tell(harness, async (story) => {
      await story.admit({ request: { at: 50_000 } }, { request: { at: 10 } }, { request: { at: 60_000 } })
      expect((await story.session.archivable(ask({ lookedAt: 2 }))).next).toBe(2)
      expect((await story.session.archivable(ask({ lookedAt: 3 }))).next).toBeNull()
    }))

  test('REL-11h a list is newest first, within the tenant, a page at a time', () =>
    Story.tell(harness, async (story) => {
      await putAway(story, await ended(story, {}, { request: { tenant: 'globex' } }, { request: { subject: 's' } }))
      const views = await story.views()
      expect((await views.archives('acme', 9, 9)).map(({ id }) => id)).toEqual([3, 1])
      expect((await views.archives('acme', 3, 9)).map(({ id }) => id)).toEqual([1])
      const [newest] = await views.archives('acme', 9, 1)
      expect(newest).toMatchObject({ publicId: 'public-3', action: 'quote.render', subject: 's', state: 'succeeded' })
    }))

  test.each([
    ['delete from executions', /^append_only: /],
    ['delete from requests', /^append_only: /],
    ['delete from outcomes', /^append_only: /],
    ['delete from log', /^append_only: /],
    ['delete from archives', /^append_only: an archive is left only by restoring/],
    [`update archives set sha256 = 'x'`, /^append_only: an archive is never changed/],
    [
      `insert into archives select 2, 'p', tenant, action, subject, state, finished_at, archived_at, idem_key, generation, record_only, input_hash, trace_id, n, head, fence, requested_position, document, sha256 from archives`,
      /^append_only: only an ended/,
    ],
    [
      `insert or replace into archives select id, 'p', tenant, action, subject, state, finished_at, archived_at, idem_key, generation, record_only, input_hash, trace_id, n, head, fence, requested_position, document, sha256 from archives`,
      /^append_only: only an ended/,
    ],
  ])('REL-11h raw SQL is refused beside an archive: %.40s', (sql, message) =>
    Story.tell(harness, async (story) => {
      const [first] = await ended(story, {}, {})
      await putAway(story, first === undefined ? [] : [first])
      await expect(story.shell.run(sql)).rejects.toThrow(message)
    }),
  )

  test('REL-11h an archive whose bytes were changed is told, and is not restored', () =>
    Story.tell(harness, async (story) => {
      await putAway(story, await ended(story, {}, {}))
      await story.shell.run('drop trigger archives_no_update')
      await story.shell.run('update archives set document = (select document from archives where id = 2) where id = 1')
      await story.shell.run(`update archives set document = x'00' where id = 2`)
      expect((await story.session.archived([1, 2])).map(({ parts }) => parts)).toEqual([null, null])
      await expect(story.commit({ restore: [1] })).rejects.toThrow(/no readable archive/)
    }))
}
