import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, inject, test } from 'vitest'
import { createPawl } from '../../src/pawl.ts'
import { openDatabase } from './database.ts'
import { inAll, submitFromAll } from './from-eight.ts'
import { marks } from './shared-actions.ts'

const folder = mkdtempSync(join(tmpdir(), 'pawl-one-key-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('REL-02a a thousand submits of one key from eight processes at once make one execution on PostgreSQL', async () => {
  const store = await openDatabase(inject('postgres'))
  const pawl = await createPawl({ store, actions: marks(() => {}), slots: 0, dataDir: folder })
  try {
    const { ids, created, answered } = await submitFromAll({ kind: 'database', store, dataDir: folder })
    expect([answered, created, ids.length]).toEqual([inAll, 1, 1])
    expect((await pawl.engine.host.views.list({ limit: 10 })).map(({ request }) => request.publicId)).toEqual(ids)
  } finally {
    await pawl.stop()
  }
})
