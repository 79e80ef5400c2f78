/** A whole server without a socket: real store in memory, real engine, a worker where a test wants one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { Role } from '../../../src/commands/permissions.ts'
import { orThrow } from '../../../src/errors/refusal.ts'
import { systemRandom } from '../../../src/identity/random.ts'
import { type AnyAction, action, createPawl } from '../../../src/pawl.ts'
import { workerRoutes } from '../../../src/protocol/routes.ts'
import type { AccessLimits } from '../../../src/server/gate.ts'
import { createApp, createLog, type Log, type LogDelivery } from '../../../src/server.ts'
import { type Clock, createSystemClock } from '../../../src/time/clock.ts'

export const add = action({
  name: 'demo.add',
  version: 1,
  input: z.object({ a: z.number(), b: z.number().default(1) }),
  run: ({ input }) => ({ sum: input.a + input.b }),
})

export const write = action({
  name: 'demo.write',
  version: 1,
  input: z.object({ text: z.string(), name: z.string().default('note.txt') }),
  async run({ input, artifact }) {
    await artifact(input.name, new TextEncoder().encode(input.text), 'text/plain')
    return { written: true }
  },
})

export const echo = action({
  name: 'demo.echo',
  version: 1,
  input: z.object({ text: z.string(), sha256: z.string().optional() }),
  run({ input, log }) {
    log('echoes', { length: input.text.length })
    log('warn', 'is slow')
    return input.sha256 === undefined ? { text: input.text } : { ...input, artifact: 'result' }
  },
})

export const wrong = action({
  name: 'demo.wrong',
  version: 1,
  input: z.unknown(),
  retry: { maxAttempts: 1 },
  run: () => {
    throw new Error('it does not work')
  },
})

/** Holds its lock until it is aborted. */
export const guarded = action({
  name: 'demo.guarded',
  version: 1,
  input: z.object({ lock: z.string() }),
  locks: ({ lock }) => [lock],
  run: ({ signal }) =>
    new Promise<{ done: boolean }>((resolve) => {
      signal.addEventListener('abort', () => resolve({ done: false }))
    }),
})

export interface Sent {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Served {
  readonly slots?: number
  readonly more?: readonly AnyAction[]
  readonly clock?: Clock
  readonly limits?: Partial<AccessLimits>
  readonly store?: string
  readonly log?: Log
  readonly delivery?: LogDelivery
}

export async function serving({
  slots = 2,
  more = [],
  clock = createSystemClock(),
  limits,
  store = 'sqlite::memory:',
  log,
  delivery,
}: Served = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'pawl-serving-'))
  const pawl = await createPawl({
    store,
    actions: [add, write, echo, wrong, guarded, ...more] as [
      typeof add,
      typeof write,
      typeof echo,
      typeof wrong,
      typeof guarded,
    ],
    slots,
    dataDir,
    clock,
    settings: { pollMs: 20 },
  })
  const lines: string[] = []
  const { plane, protocol, tokens } = pawl.engine
  const closing = new AbortController()
  const app = createApp({
    plane,
    bulks: pawl.engine.bulks,
    tokens,
    protocolRoutes: workerRoutes(protocol),
    clock,
    random: systemRandom,
    log: log ?? createLog({ level: 'info', clock, write: (line) => lines.push(line) }),
    delivery,
    closing: closing.signal,
    limits,
  })
  await pawl.start()
  const tokenOf = async (role: Role, name: string = role): Promise<string> => {
    const principal = role === 'agent' ? `agent:${name}` : `human:${name}`
    return orThrow(await tokens.create({ name, principal, tenant: 'default', role, expiresAt: null })).token
  }
  const admin = await tokenOf('admin')
  /** Sends as admin unless the headers say otherwise. */
  const send = async (path: string, { method, body, headers = {} }: Sent = {}): Promise<Response> =>
    app.request(path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { authorization: `Bearer ${admin}`, ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  return {
    app,
    pawl,
    tokens,
    tokenOf,
    adminToken: admin,
    send,
    lines,
    async [Symbol.asyncDispose]() {
      closing.abort()
      await pawl.stop({ graceMs: 100 })
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export const bodyOf = async (response: Response): Promise<Record<string, unknown>> =>
  (await response.json()) as Record<string, unknown>
