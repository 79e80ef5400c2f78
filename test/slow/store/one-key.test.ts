import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createPawl } from '../../../src/pawl.ts'
import { workerRoutes } from '../../../src/protocol/routes.ts'
import { createApp, createLog, startServer } from '../../../src/server.ts'
import { inAll, submitFromAll } from '../../postgres/from-eight.ts'
import { marks } from '../../postgres/shared-actions.ts'

const folder = mkdtempSync(join(tmpdir(), 'pawl-one-key-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('REL-02a a thousand submits of one key from eight processes at once make one execution on SQLite, over HTTP', async () => {
  const pawl = await createPawl({ store: join(folder, 'pawl.db'), actions: marks(() => {}), slots: 0 })
  const { plane, bulks, tokens, protocol, clock, random } = pawl.engine
  const app = createApp({
    plane,
    bulks,
    tokens,
    protocolRoutes: workerRoutes(protocol),
    clock,
    random,
    log: createLog({ level: 'silent', clock }),
  })
  const server = await startServer({ app, port: 0, clock })
  try {
    const wanted = { name: 'test', principal: 'service:test', tenant: 'default', role: 'admin', expiresAt: null }
    const made = await tokens.create(wanted)
    if (!('token' in made)) throw new Error('no token was made')
    const { ids, created, answered } = await submitFromAll({ kind: 'http', url: server.url, token: made.token })
    expect([answered, created, ids.length]).toEqual([inAll, 1, 1])
    expect((await pawl.engine.host.views.list({ limit: 10 })).map(({ request }) => request.publicId)).toEqual(ids)
  } finally {
    await server.close(0)
    await pawl.stop()
  }
})
