/** Entry of one of many processes that hold one database: it runs executions, admits them, or leads. */
import { bullmq } from '../../src/bullmq.ts'
import { isRefusal, Refused } from '../../src/errors/refusal.ts'
import { internalId } from '../../src/identity/public-id.ts'
import { createPawl } from '../../src/pawl.ts'
import { Passing } from '../../src/store/failures.ts'
import { passMs } from './dice.ts'
import { listen, optionsOf, tell, tellOfRedis } from './link.ts'
import type { Command, MemberOptions } from './messages.ts'
import { exclusive, quick, workload } from './workload.ts'

const { store, role, identity, slots, target, dataDir, times, redisUrl } = optionsOf<MemberOptions>()
const by = { principal: 'service:drill', tenant: 'default' }
const person = { principal: 'human:drill', tenant: 'default' }

const pawl = await begun(() =>
  createPawl({
    store,
    actions: [workload(target), exclusive(target), quick],
    identity,
    dataDir,
    slots: role === 'worker' ? slots : 0,
    duties: role === 'leader',
    dispatch: bullmq({ url: redisUrl }),
    // Whoever kills at random may well meet the same execution three times while it runs alone.
    settings: { ...times, poisonLosses: 60 },
    log(level, message, fields) {
      tellOfRedis(level, message)
      if (level === 'error') tell({ said: `${identity}: ${message} ${JSON.stringify(fields)}` })
    },
  }),
)
const { plane, host } = pawl.engine

/** Tried again while the server is away, as whoever supervises processes does it. */
async function begun<T>(open: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await open()
    } catch (thrown) {
      if (!(thrown instanceof Refused && thrown.code === 'store_unreachable') && !(thrown instanceof Passing))
        throw thrown
      await passMs(200)
    }
  }
}

listen((message) => {
  if ('ask' in message) void answer(message.ask, message.command)
})

async function answer(ask: number, command: Command): Promise<void> {
  try {
    const value = await perform(command)
    if (isRefusal(value)) tell({ reply: ask, value: null, refused: `${value.code}: ${value.reason}` })
    else tell({ reply: ask, value, refused: null })
  } catch (thrown) {
    // A server that is away is nobody's fault; the drill gives the same key again.
    tell({ reply: ask, value: null, refused: thrown instanceof Error ? thrown.message : String(thrown) })
  }
  if ('stop' in command) process.disconnect()
}

async function perform(command: Command): Promise<unknown> {
  if ('submitOther' in command) {
    const given = await plane.trySubmit(command.submitOther, by)
    if (isRefusal(given)) return given
    return { publicId: given.execution.id, id: internalId(given.execution.id, host.idKey) }
  }
  if ('submit' in command) {
    const given = await plane.trySubmit({ action: 'drill.run', input: command.submit, key: command.submit.key }, by)
    if (isRefusal(given)) return given
    return { publicId: given.execution.id, id: internalId(given.execution.id, host.idKey) }
  }
  if ('resolve' in command) {
    const { publicId, effectKey, verdict } = command.resolve
    const value = verdict === 'applied' ? '{"applied":"found by a person"}' : null
    const resolve = { type: 'resolve_effect', effectKey, verdict, value, reason: 'a person has looked' } as const
    return await plane.command(publicId, resolve, person)
  }
  await pawl.stop({ graceMs: 0 })
  return true
}

await pawl.start()
tell({ ready: { head: 0, freed: 0, address: identity } })
