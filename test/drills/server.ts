/** Entry of the process that holds the store, serves workers over a local socket and over HTTP, and may run executions itself. */
import { bullmq } from '../../src/bullmq.ts'
import { createEngine } from '../../src/engine.ts'
import { isRefusal, type Refusal } from '../../src/errors/refusal.ts'
import { internalId, publicId } from '../../src/identity/public-id.ts'
import { createLocalWorker } from '../../src/local-worker.ts'
import { workerRoutes } from '../../src/protocol/routes.ts'
import { createApp, createLog, type RunningServer, startServer, Tokens } from '../../src/server.ts'
import { sqlite } from '../../src/sqlite.ts'
import { actions as badActions } from './bad-workload.ts'
import { fleet } from './fleet-workload.ts'
import { listen, optionsOf, tell, tellOfRedis } from './link.ts'
import type { Command, Crowd, CrowdCommand, KnownWorker, ServerOptions } from './messages.ts'
import { patient, quick, unserved, workload } from './workload.ts'

const { path, socket, times, target, embeddedSlots, settings, redisUrl, after } = optionsOf<ServerOptions>()
const by = { principal: 'service:drill', tenant: 'default' }
const person = { principal: 'human:drill', tenant: 'default' }

const host = await sqlite({ path })
// Whoever kills at random may well meet the same execution three times while it runs alone.
const poisonLosses = 60
const engine = createEngine({
  host,
  actions: [workload(target), patient(target), fleet(target), quick, unserved, ...badActions],
  settings: { ...times, poisonLosses, ...settings },
})
const { clock, random } = engine
const dispatching =
  redisUrl === null ? null : await bullmq({ url: redisUrl }).open({ host, clock, random, log: tellOfRedis })
let seen = after
let web: RunningServer | undefined
let telling = Promise.resolve()

/** Everything that is committed, in order, to whoever watches the drill. */
async function tellNews(): Promise<void> {
  for (;;) {
    const rows = await host.views.log(seen, 500)
    const last = rows.at(-1)
    if (last === undefined) return
    seen = last.position
    tell({ rows })
  }
}
host.onCommit(() => {
  telling = telling.then(tellNews)
})

listen((message) => {
  if ('ask' in message) void answer(message.ask, message.command)
})

async function answer(ask: number, command: Command): Promise<void> {
  const value = await perform(command)
  if (isRefusal(value)) tell({ reply: ask, value: null, refused: `${value.code}: ${value.reason}` })
  else tell({ reply: ask, value, refused: null })
  if ('stop' in command) process.disconnect()
}

/** Workers that do not share this machine's files come over HTTP, with a token that outlives this process. */
async function serveHttp({ port, token }: { readonly port: number; readonly token: string | null }) {
  const { plane, clock, random } = engine
  const tokens = new Tokens({ host, clock, random })
  const log = createLog({ level: 'silent', clock })
  const protocolRoutes = workerRoutes(engine.protocol)
  const app = createApp({ plane, bulks: engine.bulks, tokens, protocolRoutes, clock, random, log })
  web = await startServer({ app, port, clock })
  const served = Number(new URL(web.url).port)
  if (token !== null) return { port: served, token }
  const wanted = { name: 'drill', principal: 'service:workers', tenant: 'default', role: 'worker', expiresAt: null }
  const made = await tokens.create(wanted)
  return isRefusal(made) ? made : { port: served, token: made.token }
}

async function submitCrowd({ action, count, deadlineMs }: CrowdCommand): Promise<Crowd | Refusal> {
  const deadline = deadlineMs === null ? null : Date.now() + deadlineMs
  const rest = { action, ...(deadline === null ? {} : { deadline }) }
  const requests = Array.from({ length: count }, (_, number) => ({ ...rest, input: { number } }))
  const given = await engine.plane.submitMany(requests, by)
  if (isRefusal(given)) return given
  const ids: number[] = []
  for (const each of given) {
    if (isRefusal(each)) return each
    const id = internalId(each.execution.id, host.idKey)
    if (id === null) throw new Error('the server does not know an id that it has given')
    ids.push(id)
  }
  return { ids, deadline }
}

async function submit(wanted: { readonly action: string; readonly input: unknown; readonly key: string }) {
  const given = await engine.plane.trySubmit(wanted, by)
  if (isRefusal(given)) return given
  return { publicId: given.execution.id, id: internalId(given.execution.id, host.idKey) }
}

async function perform(command: Command): Promise<unknown | Refusal> {
  if ('submit' in command) {
    return await submit({ action: 'drill.run', input: command.submit, key: command.submit.key })
  }
  if ('submitOther' in command) return await submit(command.submitOther)
  if ('resolve' in command) {
    const { publicId, effectKey, verdict } = command.resolve
    const value = verdict === 'applied' ? '{"applied":"found by a person"}' : null
    const resolve = { type: 'resolve_effect', effectKey, verdict, value, reason: 'a person has looked' } as const
    return await engine.plane.command(publicId, resolve, person)
  }
  if ('redrive' in command) {
    const redrive = { type: 'redrive', reason: 'the hosts are repaired' } as const
    return await engine.plane.command(command.redrive, redrive, person)
  }
  if ('cancel' in command) {
    const cancel = { type: 'cancel', reason: 'the storm' } as const
    const ids = command.cancel.ids.map((id) => publicId(id, host.idKey))
    const answers = await Promise.all(ids.map((id) => engine.plane.command(id, cancel, person)))
    return answers.find(isRefusal) ?? answers.length
  }
  if ('crowd' in command) return await submitCrowd(command.crowd)
  if ('pause' in command) {
    const { action, on, pacePerSecond } = command.pause
    return await engine.plane.pause({ action }, 'it is night', on, person, pacePerSecond)
  }
  if ('workers' in command) {
    return (await host.views.workers()).map(
      ({ key, identity, pid, goneAt }): KnownWorker => ({ key, identity, pid, goneAt }),
    )
  }
  if ('serve' in command) {
    await worker?.start()
    await engine.listen(socket)
    return await serveHttp(command.serve)
  }
  await web?.close(0)
  await worker?.stop({ graceMs: 0 })
  await engine.stop()
  await telling
  await dispatching?.close()
  await host.close()
  return true
}

/** How long the machine keeps this process from running when it is due: its sweeps are late by as much. */
const tickMs = 50
let dueAt = performance.now() + tickMs
let latestMs = 0
setInterval(() => {
  const lateMs = performance.now() - dueAt
  dueAt = performance.now() + tickMs
  if (lateMs > latestMs) {
    latestMs = lateMs
    tell({ lateMs })
  }
}, tickMs).unref()

const worker = embeddedSlots === 0 ? null : createLocalWorker({ engine, identity: 'embedded', slots: embeddedSlots })
const { freed } = await engine.start()
await tellNews()
tell({ ready: { head: await host.views.headPosition(), freed, address: socket } })
