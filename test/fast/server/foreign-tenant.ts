import { z } from 'zod'
import type { Command } from '../../../src/commands/command.ts'
import { commands } from '../../../src/commands/table.ts'
import { orThrow } from '../../../src/errors/refusal.ts'
import { seededRandom } from '../../../src/identity/random.ts'
import { bodyOf, type Sent, serving } from './serving.ts'

/** In every text that the first tenant ever gives, so that it is known wherever it comes out. */
const mark = 'kept-to-acme'
const acme = `tenant-${mark}`

/** Streams and long polls answer when something happens; their refusals are asked for by the commands beside them. */
const lasting = new Set(['stream', 'wait'])
const asksFor = ({ http, name }: Command): boolean => http.answers !== 'events' && !lasting.has(name)

type Ask = (path: string, sent?: Sent) => Promise<Response>

/** Two tenants on one server: one with something of everything, and an administrator of the other. */
export async function twoTenants(store: string) {
  const server = await serving({ store, limits: { tokenRequests: 1e6, tenantRequests: 1e6 } })
  const adminOf = async (tenant: string): Promise<Ask> => {
    const asked = { name: `admin of ${tenant}`, principal: `human:${tenant}`, tenant, role: 'admin', expiresAt: null }
    const { token } = orThrow(await server.tokens.create(asked))
    return (path, sent = {}) => server.send(path, { ...sent, headers: { authorization: `Bearer ${token}` } })
  }
  const [own, foreign] = [await adminOf(acme), await adminOf('beta')]
  await furnish(own)
  return { server, own, foreign }
}

async function furnish(ask: Ask): Promise<void> {
  const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const response = await ask(path, { body })
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
    return bodyOf(response)
  }
  const submit = (action: string, input: object, more: object = {}): Promise<Record<string, unknown>> =>
    post('/v1/executions', { action, input, subject: `quote:${mark}`, ...more })
  const ended = async (state: string, count: number): Promise<void> => {
    for (let items: unknown[] = []; items.length < count; ) {
      const found = await bodyOf(await ask(`/v1/executions?state=${state}`))
      items = found.items as unknown[]
    }
  }
  await submit('demo.echo', { text: mark }, { key: `key-${mark}` })
  await submit('demo.write', { text: mark, name: `${mark}.txt` })
  await submit('demo.wrong', { text: mark })
  await submit('demo.guarded', { lock: `lock-${mark}` })
  await submit('demo.guarded', { lock: `lock-${mark}` })
  await submit('demo.echo', { text: mark }, { delay: '5h' })
  await ended('succeeded', 2)
  await ended('failed', 1)
  await ended('running', 1)
  const nightly = { name: `nightly-${mark}`, action: 'demo.echo', cron: '0 2 * * *', input: { text: mark } }
  await post('/v1/schedules', nightly)
  await post('/v1/limits', { key: `limit-${mark}`, capacity: 3, reason: mark })
  await post('/v1/tokens', { name: `token-${mark}`, role: 'viewer' })
  await post('/v1/roles/grants', { principal: `human:${mark}`, role: 'viewer', reason: mark })
  await post('/v1/bulk', { command: 'retry', query: `subject:quote:${mark}`, reason: mark })
  await post('/v1/flags', { name: 'banner', value: mark, reason: mark })
  await post('/v1/pauses', { subject: `quote:${mark}`, reason: mark })
  await post('/v1/pauses', { tenant: acme, reason: mark })
}

/** Everything that the first tenant is shown of itself, but for what time alone changes. */
export async function shown(ask: Ask): Promise<Record<string, unknown>> {
  const lists = commands.filter(({ http }) => http.method === 'GET' && !http.path.includes('{'))
  const found: Record<string, unknown> = {}
  // Health says how old things are; workers and policies are everybody's.
  const leftOut = /^\/v1\/(ops|workers|timeout-policies|codes|events|idempotency$)/
  for (const { http } of lists.filter((one) => asksFor(one) && !leftOut.test(one.http.path))) {
    found[http.path] = lasts(await bodyOf(await ask(http.path)))
  }
  return found
}

/** Without what a heartbeat moves, and without what all tenants share. */
function lasts(answer: unknown): unknown {
  if (Array.isArray(answer))
    return answer.map(lasts).filter((one) => (one as { shared?: unknown } | null)?.shared !== true)
  if (typeof answer !== 'object' || answer === null) return answer
  const kept = Object.entries(answer).filter(([name]) => !/^(lease|updatedAt|cancelChecks)/.test(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, lasts(value)]))
}

/** Every text and number in an answer that may name something. */
function* valuesIn(answer: unknown): Generator<string> {
  if (typeof answer === 'string' || typeof answer === 'number') yield String(answer)
  else if (typeof answer === 'object' && answer !== null)
    for (const value of Object.values(answer)) yield* valuesIn(value)
}

interface Known {
  /** By the name of the field that holds it, and all of them. */
  readonly byField: ReadonlyMap<string, readonly string[]>
  readonly all: readonly string[]
  /** What must come out nowhere else: marked texts, public ids and effect keys. */
  readonly secrets: readonly string[]
}

/** What somebody of the other tenant may have overheard: every id, key, name and cursor. */
export async function overheard(ask: Ask): Promise<Known> {
  const answers = Object.values(await shown(ask))
  const byField = new Map<string, Set<string>>()
  const note = (answer: unknown): void => {
    if (Array.isArray(answer)) for (const each of answer) note(each)
    else if (typeof answer === 'object' && answer !== null)
      for (const [field, value] of Object.entries(answer)) {
        if (typeof value === 'string') byField.set(field, (byField.get(field) ?? new Set()).add(value))
        else note(value)
      }
  }
  for (const answer of answers) note(answer)
  const all = [...new Set(answers.flatMap((answer) => [...valuesIn(answer)]))]
  const isSecret = (text: string): boolean =>
    text.includes(mark) || /^[0-9a-f]{8}-[0-9a-f-]{27}$|^[0-9a-f]{64}$/.test(text)
  return {
    byField: new Map([...byField].map(([field, values]) => [field, [...values]])),
    all,
    secrets: all.filter(isSecret),
  }
}

interface Field {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Field[]
}

/** A request of one command with values that belong to the other tenant, as far as its fields take them. */
function requestOf(command: Command, known: Known, random: () => number): { path: string; sent: Sent } {
  const schema = z.toJSONSchema(command.input, { unrepresentable: 'any', io: 'input' })
  const properties = (schema.properties ?? {}) as Record<string, Field>
  const required = new Set((schema.required ?? []) as string[])
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  const textFor = (name: string): string => {
    const fitting = known.byField.get(name) ?? known.byField.get(name.replace(/Id$/, '')) ?? []
    if (name === 'query') return `${pick(['subject', 'key', 'parent', 'rerun-of'])}:${pick(known.secrets)}`
    return (random() < 0.6 ? pick(fitting) : pick(known.secrets)) ?? pick(known.all) ?? 'x'
  }
  const cellFor = (name: string, { type, enum: values, anyOf }: Field): unknown => {
    if (values !== undefined) return pick(values)
    if (anyOf !== undefined) return cellFor(name, pick(anyOf) ?? {})
    if (type === 'integer' || type === 'number') return Math.floor(random() * 5)
    if (type === 'boolean') return random() < 0.5
    if (type === 'array') return [textFor(name)]
    if (type === 'object' || type === undefined) return { text: textFor('text'), lock: textFor('key') }
    return textFor(name)
  }
  const fields = Object.entries(properties).flatMap(([name, field]): [string, unknown][] =>
    required.has(name) || random() < 0.4 ? [[name, cellFor(name, field)]] : [],
  )
  const given = new Map(fields.filter(([name]) => !/^(mode|window|wait)/.test(name)))
  const path = command.http.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const cell = given.get(name) ?? textFor(name)
    const value = typeof cell === 'string' ? cell : JSON.stringify(cell)
    given.delete(name)
    return encodeURIComponent(value)
  })
  if (command.http.method === 'POST') return { path, sent: { body: Object.fromEntries(given) } }
  const query = new URLSearchParams([...given].map(([name, value]): [string, string] => [name, String(value)]))
  return { path: `${path}?${query}`, sent: { method: command.http.method } }
}

export interface Leak {
  readonly command: string
  readonly path: string
  readonly what: string
}

/**
 * Asks for everything with everything of the other tenant, first only to look, then to change things too, and says what
 * came out that was never put in.
 */
export async function leaksOf(ask: Ask, known: Known, seed: string, rounds: number): Promise<readonly Leak[]> {
  const source = seededRandom(seed)
  const leaks: Leak[] = []
  // What this tenant has written down itself comes back to it.
  let written = ''
  for (let round = 0; round < 2 * rounds; round += 1) {
    const isLooking = round < rounds
    for (const command of commands.filter((one) => asksFor(one) && (!isLooking || one.http.method === 'GET'))) {
      const { path, sent } = requestOf(command, known, () => source.next())
      const response = await ask(path, sent)
      const text = await response.text()
      if (response.status >= 500) leaks.push({ command: command.name, path, what: `${response.status}: ${text}` })
      const said = `${decodeURIComponent(path.replaceAll('+', ' '))} ${JSON.stringify(sent.body ?? '')}`
      if (!isLooking) written += said
      const question = said + written
      for (const secret of known.secrets) {
        if (text.includes(secret) && !question.includes(secret))
          leaks.push({ command: command.name, path, what: secret })
      }
    }
  }
  return leaks
}

/** Asks for one thing of the other tenant and for one that nobody has; says where the answers differ. */
export async function differences(ask: Ask, known: Known): Promise<readonly string[]> {
  const found: string[] = []
  const absent = (value: string): string =>
    /^[0-9a-f]{8}-/.test(value) ? '00000000-0000-4000-8000-000000000000' : value.replace(mark, 'nobody-has-it')
  for (const command of commands.filter(asksFor)) {
    const name = /\{(\w+)\}/.exec(command.http.path)?.[1]
    if (name === undefined || ['code'].includes(name)) continue
    const candidates = known.byField.get(name === 'bulkId' || name === 'grant' ? 'id' : name) ?? known.secrets
    for (const value of candidates.filter((one) => known.secrets.includes(one)).slice(0, 4)) {
      const answerFor = async (one: string): Promise<string> => {
        const path = command.http.path.replace(`{${name}}`, encodeURIComponent(one)).replace(/\{\w+\}/g, 'x')
        const body = { reason: 'r', role: 'viewer', name: 'n', payload: {}, verdict: 'happened', query: 'x' }
        const { method } = command.http
        const response = await ask(path, method === 'POST' ? { body: fitting(command, body) } : { method })
        const text = (await response.text()).replaceAll(one, '…').replaceAll(/urn:pawl:trace:\w+/g, '')
        return `${response.status} ${text}`
      }
      const [theirs, nobodys] = [await answerFor(value), await answerFor(absent(value))]
      if (theirs !== nobodys) found.push(`${command.name} ${value}: ${theirs} / ${nobodys}`)
    }
  }
  return found
}

/** Only what the command has a field for. */
function fitting(command: Command, body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const properties = (z.toJSONSchema(command.input, { unrepresentable: 'any', io: 'input' }).properties ?? {}) as object
  return Object.fromEntries(
    Object.entries(body).filter(([name]) => name in properties && !command.http.path.includes(`{${name}}`)),
  )
}
