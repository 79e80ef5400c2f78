/** Entry of the process that runs one action on its own. Everything it is told comes over its channel. */
import { Worker as Thread } from 'node:worker_threads'
import { type ActionRegistry, actionRegistry } from '../action/action.ts'
import { actionsOf } from '../action/module.ts'
import { piecesOf, wholeOf } from '../artifacts/content.ts'
import type { ArtifactContent, StoredFile } from '../artifacts/store.ts'
import { Canceled, classify, LeaseLost, TimeoutError } from '../errors/failures.ts'
import { orThrow } from '../errors/refusal.ts'
import { thisProcess } from '../recover/this-process.ts'
import { Bell } from '../run/bell.ts'
import type { SpawnWish } from '../run/child.ts'
import { ShuttingDown } from '../run/halt.ts'
import { runExecution } from '../run/run.ts'
import { settlement } from '../settle/settle.ts'
import { createSystemClock } from '../time/clock.ts'
import { type AbortReason, type FromCell, type Reply, type RunOrder, type ToCell, thrownOf } from './messages.ts'

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const clock = createSystemClock()
let actions: ActionRegistry | undefined
let abort: AbortController | undefined
let bell = new Bell()
const waiting = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>()
let asked = 0

const tell = (message: FromCell): void => {
  process.send?.(message)
}

// Nobody would carry what this process does to the store any more, so it must not do anything.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
new Thread(new URL(`./guard-thread.${extension}`, import.meta.url), { workerData: process.ppid }).unref()
process.on('message', (message: ToCell) => {
  if ('load' in message) void load(message.load)
  else if ('run' in message) void run(message.run)
  else if ('abort' in message) abort?.abort(reasonOf(message.abort))
  else if ('granted' in message) bell.ring(message.granted)
  else {
    const asking = waiting.get(message.reply)
    waiting.delete(message.reply)
    if ('failed' in message) asking?.reject(thrownOf(message.failed))
    else asking?.resolve(message)
  }
})

async function load({ action, version, ...module }: Extract<ToCell, { load: unknown }>['load']): Promise<void> {
  try {
    actions = actionRegistry(await actionsOf(module))
    orThrow(actions.find(action, version))
    tell({ loaded: { startedTicks: thisProcess().startedTicks } })
  } catch (thrown) {
    tell({ unloadable: classify(thrown).message })
  }
}

async function run({ claimed, worker, secrets, storesArtifacts, retry }: RunOrder): Promise<void> {
  const { action: name, actionVersion } = claimed.request
  const action = actions?.get(name, actionVersion)
  const controller = new AbortController()
  abort = controller
  bell = new Bell()
  if (action === undefined) {
    tell({ unloadable: `the module has no action ${name} version ${actionVersion}` })
    return
  }
  const artifacts = storesArtifacts ? { put } : undefined
  const outcome = await runExecution(claimed, action, {
    worker,
    clock,
    abort: controller,
    bell,
    work: async (command) => {
      const reply = await ask({ command })
      if ('answer' in reply) return reply.answer
      throw new Error('a command was answered with something else')
    },
    spawner: async (spawn) => {
      const reply = await ask({ spawn })
      if ('spawned' in reply) return reply.spawned
      throw new Error('a child was answered with something else')
    },
    artifacts,
    secrets: async () => {
      if ('failed' in secrets) throw thrownOf(secrets.failed)
      return await Promise.resolve(secrets.values)
    },
    retry,
    log: (...said) => tell({ log: said }),
    kept: { say: (...said) => tell({ kept: said }) },
  })
  tell({ end: await settlement(outcome, claimed.execution, action, retry, artifacts) })
}

/** A content crosses over as a whole: what this process may have of memory bounds it. */
async function put(content: ArtifactContent, { mediaType }: { readonly mediaType: string }): Promise<StoredFile> {
  const reply = await ask({ put: await wholeOf(piecesOf(content)), mediaType })
  if ('stored' in reply) return reply.stored
  throw new Error('an artifact was answered with something else')
}

function ask(
  what:
    | { readonly command: Extract<FromCell, { command: unknown }>['command'] }
    | { readonly put: Uint8Array; readonly mediaType: string }
    | { readonly spawn: SpawnWish },
) {
  return new Promise<Reply>((resolve, reject) => {
    asked += 1
    waiting.set(asked, { resolve, reject })
    tell({ ask: asked, ...what })
  })
}

function reasonOf({ kind, message }: AbortReason): Error {
  switch (kind) {
    case 'canceled':
      return new Canceled(message)
    case 'lost':
      return new LeaseLost(message)
    case 'shutdown':
      return new ShuttingDown(message)
    case 'timeout':
      return new TimeoutError(message)
  }
}
