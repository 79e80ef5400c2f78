/**
 * Entry of the outside world: a process of its own that applies what it is asked for by three kinds of rules, and keeps
 * a raw, append-only record of every request that arrived and of everything it applied.
 */
import { appendFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { intentsAt } from './committed-intents.ts'
import { listen, optionsOf, tell } from './link.ts'
import type { EffectName, Point, TargetOptions } from './messages.ts'
import type { Ask, Entry } from './record.ts'

const { record, database, forgetful } = optionsOf<TargetOptions>()
const intents = intentsAt(database)
/** What a service at the other end of a network takes. */
const latencyMs = 15

const done = new Map<string, string>()
const fences = new Map<string, number>()
const held = new Map<number, () => void>()
let arrivals = 0
/** Hosts on which nothing can be done. */
let broken: ReadonlySet<string> = new Set()

const note = (entry: Entry): void => appendFileSync(record, `${JSON.stringify(entry)}\n`)

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://target')
  if (request.method === 'GET') return look(url.searchParams.get('key') ?? '', response)
  if (request.method === 'PUT') {
    broken = new Set(url.searchParams.getAll('host'))
    return reply(response, 200, {})
  }
  void take(url.pathname.slice(1) as EffectName, request, response)
})

function look(key: string, response: ServerResponse): void {
  const found = done.get(key)
  note({ type: 'look', at: Date.now(), effectKey: key, found: found !== undefined })
  reply(response, found === undefined ? 404 : 200, { applied: found ?? null })
}

async function take(name: EffectName, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let text = ''
  try {
    for await (const chunk of request) text += String(chunk)
  } catch {
    return
  }
  const ask = JSON.parse(text) as Ask
  const { effectKey, fence, execution, host } = ask
  const arrival = ++arrivals
  const times = (arrivalsOf.get(effectKey) ?? 0) + 1
  const isFirst = times === 1
  arrivalsOf.set(effectKey, times)
  const isIntended = await intents.has(effectKey, fence, times)
  note({ type: 'arrival', at: Date.now(), arrival, name, effectKey, fence, execution, host, isIntended })
  if (host !== undefined && broken.has(host)) return reply(response, 503, { error: `${host} is broken` })
  if (isFirst && ask.hold === 'received' && !(await hold(arrival, `received:${name}`, ask, response))) return
  const refusal = apply(name, arrival, ask)
  if (refusal !== null) {
    reply(response, 409, { error: refusal })
    return
  }
  if (isFirst && ask.hold === 'applied' && !(await hold(arrival, `applied:${name}`, ask, response))) return
  setTimeout(() => reply(response, 200, { applied: done.get(effectKey) ?? '' }), ask.latencyMs ?? latencyMs)
}

const arrivalsOf = new Map<string, number>()

/** Keeps the request until the drill lets it go on; false when whoever asked has hung up meanwhile. */
function hold(arrival: number, point: Point, { execution, fence }: Ask, response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    held.set(arrival, () => resolve(true))
    response.on('close', () => resolve(false))
    tell({ arrived: { ticket: arrival, point, execution, fence } })
  })
}

/** Changes the world, or says why not. Applying something again that is so already is no change. */
function apply(name: EffectName, arrival: number, { effectKey, fence }: Ask): string | null {
  if (name === 'keyed' && done.has(effectKey) && !forgetful) return null
  if (name === 'fenced') {
    if (fence < (fences.get(effectKey) ?? 0) && !forgetful) {
      note({ type: 'refused', at: Date.now(), arrival, effectKey })
      return 'a newer fence has been seen'
    }
    fences.set(effectKey, fence)
    if (done.has(effectKey) && !forgetful) return null
  }
  // The same for every application, as a real record's id would be: which one it was is in the raw record only.
  if (!done.has(effectKey)) done.set(effectKey, `${name}-${effectKey.slice(0, 12)}`)
  note({ type: 'applied', at: Date.now(), arrival, name, effectKey })
  return null
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

listen((message) => {
  if ('release' in message) held.get(message.release)?.()
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  tell({ ready: { head: 0, freed: 0, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } })
})
