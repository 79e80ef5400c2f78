import type { Claimed } from '../commit/order.ts'
import { isRefusal, type Refusal, Refused } from '../errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import { type MessageOf, messages, type RouteName, readMessage } from './messages.ts'
import type { WorkerProtocol } from './protocol.ts'

export interface WorkerRoute {
  readonly name: RouteName
  /** For HTTP, below the server's address; the method is POST. */
  readonly path: string
  /**
   * Answers one message; a refusal is an answer. `isGone` tells whether the caller can still be reached: work that was
   * claimed for somebody who left goes back at once.
   *
   * @throws DatabaseError when the store could not commit.
   */
  answer(body: unknown, isGone?: () => boolean): Promise<unknown>
}

interface Message {
  readonly worker: number
  readonly id: number
  readonly command: WorkerCommand | PermitCommand
}

type Answerers = { readonly [R in RouteName]: (message: MessageOf<R>, isGone: () => boolean) => Promise<unknown> }

/** Every message a worker may send, for whatever carries it. Nothing comes in unchecked. */
export function workerRoutes(protocol: WorkerProtocol): readonly WorkerRoute[] {
  const work = (message: Message): Promise<unknown> => protocol.work(message.worker, message.id, message.command)
  const answerers: Answerers = {
    register: (hello) => protocol.register(hello),
    claim: async (ask, isGone) => {
      const claimed = await protocol.claim(ask)
      return isGone() ? await handBack(protocol, ask.worker, claimed) : claimed
    },
    heartbeat: (beat) => protocol.heartbeat(beat),
    listen: (ask) => protocol.listen(ask),
    drain: async ({ worker, on }) => {
      await protocol.drain(worker, on)
      return {}
    },
    spawn: ({ worker, id, spawn }) => protocol.spawn(worker, id, spawn),
    step: work,
    intent: work,
    outcome: work,
    complete: work,
    fail: work,
    'hand-back': work,
    progress: work,
    permits: work,
    gone: async (end) => {
      await protocol.gone(end)
      return {}
    },
    plan: work,
    target: work,
    logs: work,
    'sign-off': async ({ worker }) => {
      await protocol.signOff(worker)
      return {}
    },
  }
  const route = <R extends RouteName>(name: R): WorkerRoute => ({
    name,
    path: `/v1/worker/${name}`,
    async answer(body, isGone = () => false) {
      const message = readMessage(name, body)
      if (isRefusal(message)) return message
      try {
        return await answerers[name](message, isGone)
      } catch (thrown) {
        if (thrown instanceof Refused) return thrown.refusal satisfies Refusal
        throw thrown
      }
    },
  })
  return (Object.keys(messages) as RouteName[]).map(route)
}

async function handBack(protocol: WorkerProtocol, worker: number, claimed: readonly Claimed[]): Promise<readonly []> {
  for (const { execution } of claimed) {
    await protocol.work(worker, execution.id, { type: 'hand_back', fence: execution.fence })
  }
  return []
}
