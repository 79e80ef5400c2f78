import type { ActionRegistry } from '../action/action.ts'
import { piecesOf, wholeOf } from '../artifacts/content.ts'
import type { ArtifactContent, StoredFile } from '../artifacts/store.ts'
import { Canceled, classify, LeaseLost, TimeoutError } from '../errors/failures.ts'
import { orThrow } from '../errors/refusal.ts'
import type { ProcessFacts } from '../recover/this-process.ts'
import { Bell } from '../run/bell.ts'
import type { SpawnWish } from '../run/child.ts'
import { ShuttingDown } from '../run/halt.ts'
import { runExecution } from '../run/run.ts'
import { settlement } from '../settle/settle.ts'
import type { Clock } from '../time/clock.ts'
import { type AbortReason, type FromCell, type Reply, type RunOrder, type ToCell, thrownOf } from './messages.ts'

type LoadOrder = Extract<ToCell, { load: unknown }>['load']

export interface CellSideOptions {
  readonly clock: Clock
  readonly tell: (message: FromCell) => void
  /** @throws Error when the module cannot be loaded. */
  readonly load: (order: LoadOrder) => Promise<ActionRegistry>
  readonly startedTicks: ProcessFacts['startedTicks']
}

/** The side of the process: whatever it is told, it does, and everything it needs it asks for over the same channel. */
export class CellSide {
  readonly #options: CellSideOptions
  readonly #waiting = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>()
  #actions: ActionRegistry | undefined
  #abort: AbortController | undefined
  #bell = new Bell()
  #asked = 0

  constructor(options: CellSideOptions) {
    this.#options = options
  }

  hear(message: ToCell): void {
    if ('load' in message) void this.#load(message.load)
    else if ('run' in message) void this.#run(message.run)
    else if ('abort' in message) this.#abort?.abort(reasonOf(message.abort))
    else if ('granted' in message) this.#bell.ring(message.granted)
    else {
      const asking = this.#waiting.get(message.reply)
      this.#waiting.delete(message.reply)
      if ('failed' in message) asking?.reject(thrownOf(message.failed))
      else asking?.resolve(message)
    }
  }

  async #load(order: LoadOrder): Promise<void> {
    const { load, tell, startedTicks } = this.#options
    try {
      this.#actions = await load(order)
      orThrow(this.#actions.find(order.action, order.version))
      tell({ loaded: { startedTicks } })
    } catch (thrown) {
      tell({ unloadable: classify(thrown).message })
    }
  }

  async #run({ claimed, worker, secrets, storesArtifacts, retry }: RunOrder): Promise<void> {
    const { clock, tell } = this.#options
    const { action: name, actionVersion } = claimed.request
    const action = this.#actions?.get(name, actionVersion)
    const controller = new AbortController()
    this.#abort = controller
    this.#bell = new Bell()
    if (action === undefined) {
      tell({ unloadable: `the module has no action ${name} version ${actionVersion}` })
      return
    }
    const artifacts = storesArtifacts ? { put: this.#put } : undefined
    const outcome = await runExecution(claimed, action, {
      worker,
      clock,
      abort: controller,
      bell: this.#bell,
      work: async (command) => {
        const reply = await this.#ask({ command })
        if ('answer' in reply) return reply.answer
        throw new Error('a command was answered with something else')
      },
      spawner: async (spawn) => {
        const reply = await this.#ask({ spawn })
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
  readonly #put = async (
    content: ArtifactContent,
    { mediaType }: { readonly mediaType: string },
  ): Promise<StoredFile> => {
    const reply = await this.#ask({ put: await wholeOf(piecesOf(content)), mediaType })
    if ('stored' in reply) return reply.stored
    throw new Error('an artifact was answered with something else')
  }

  #ask(
    what:
      | { readonly command: Extract<FromCell, { command: unknown }>['command'] }
      | { readonly put: Uint8Array; readonly mediaType: string }
      | { readonly spawn: SpawnWish },
  ) {
    return new Promise<Reply>((resolve, reject) => {
      this.#asked += 1
      this.#waiting.set(this.#asked, { resolve, reject })
      this.#options.tell({ ask: this.#asked, ...what })
    })
  }
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
