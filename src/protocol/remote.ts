import { NetworkError } from '../errors/failures.ts'
import { isRefusal, type Refusal, Refused } from '../errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import type { RouteName } from './messages.ts'
import type { WorkerProtocol } from './protocol.ts'

/**
 * Carries one message to the other side and brings its answer; a refusal is an answer.
 *
 * @throws NetworkError when there was no answer, DatabaseError when the other side could not commit.
 */
export type Call = (route: RouteName, body: unknown) => Promise<unknown>

type RemoteCommand = Exclude<WorkerCommand, { readonly type: 'renew' }> | PermitCommand

const routeOf: { readonly [T in RemoteCommand['type']]: RouteName } = {
  record_step: 'step',
  intend_effect: 'intent',
  record_effect: 'outcome',
  reconcile_effect: 'outcome',
  succeed: 'complete',
  fail: 'fail',
  crashed: 'fail',
  suspend: 'hand-back',
  hand_back: 'hand-back',
  end_reconciliation: 'hand-back',
  progress: 'progress',
  take_permits: 'permits',
  give_permits: 'permits',
  planned: 'plan',
  begin_target: 'target',
  settle_target: 'target',
  skip_rest: 'target',
  log: 'logs',
}

/** The worker protocol over anything that carries a message and its answer. */
export function remoteProtocol(call: Call): WorkerProtocol {
  const told = async <T>(route: RouteName, body: unknown): Promise<T> => {
    const answer = await call(route, body)
    if (isRefusal(answer)) throw new Refused(answer)
    // An answer is our own side's; only its outermost shape is checked, against proxies that answer for it.
    if (typeof answer !== 'object' || answer === null)
      throw new NetworkError(`${route} was answered with something else`)
    return answer as T
  }
  return {
    register: (hello) => told('register', hello),
    claim: (ask) => told('claim', ask),
    heartbeat: (beat) => told('heartbeat', beat),
    listen: (ask) => told('listen', ask),
    async drain(worker, on) {
      await told('drain', { worker, on })
    },
    async work(worker, id, command) {
      if (command.type === 'renew') throw new Error('leases are renewed by heartbeats')
      const answer = await call(routeOf[command.type], { worker, id, command })
      if (typeof answer !== 'object' || answer === null)
        throw new NetworkError(`${command.type} was answered with something else`)
      return answer as Refusal | Awaited<ReturnType<WorkerProtocol['work']>>
    },
    async gone(end) {
      await told('gone', end)
    },
    async spawn(worker, id, spawn) {
      const answer = await call('spawn', { worker, id, spawn })
      if (typeof answer !== 'object' || answer === null)
        throw new NetworkError('spawn was answered with something else')
      return answer as Refusal | Awaited<ReturnType<WorkerProtocol['spawn']>>
    },
    async signOff(worker) {
      await told('sign-off', { worker })
    },
  }
}

/** How long the other side was asked to wait: a claim and a listener stand until there is something. */
export const waitMsOf = (body: unknown): number => (body as { readonly waitMs?: number }).waitMs ?? 0
