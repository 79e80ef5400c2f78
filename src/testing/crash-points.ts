import { isRefusal } from '../errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import type { WorkerProtocol } from '../protocol/protocol.ts'

/**
 * Where a worker can be killed:
 *
 * - `after:claim`: it holds the lease, and the handler has not begun
 * - `before:step:NAME`: the body has run, and nothing is recorded; `after:step:NAME`: it is recorded
 * - `before:effect:NAME`: nothing is intended; `after:intent:NAME`: the intent is committed and the call not made;
 *   `after:call:NAME`: the call is made and its outcome not recorded, so the effect is in doubt; `after:effect:NAME`
 * - `before:settle`: the handler has returned or thrown; `after:settle`: its end is committed and the answer lost
 */
export type CrashPoint =
  | 'after:claim'
  | `${'before' | 'after'}:settle`
  | `${'before' | 'after'}:step:${string}`
  | `${'before' | 'after'}:effect:${string}`
  | `after:intent:${string}`
  | `after:call:${string}`

/** A plan of deaths: each point kills as often as it was asked for. */
export class CrashPlan {
  readonly #left = new Map<string, number>()

  add(point: CrashPoint, times: number): void {
    this.#left.set(point, (this.#left.get(point) ?? 0) + times)
  }

  /** Points that no worker has come to yet. */
  pending(): readonly string[] {
    return [...this.#left.keys()]
  }

  /** Whether to die here; takes one death off the plan. */
  strikes(point: string | undefined): boolean {
    const left = point === undefined ? undefined : this.#left.get(point)
    if (point === undefined || left === undefined) return false
    if (left > 1) this.#left.set(point, left - 1)
    else this.#left.delete(point)
    return true
  }
}

interface Points {
  readonly before?: string | undefined
  readonly after?: string | undefined
}

/** The protocol of one incarnation. At a planned point it falls silent for ever, as the process behind it would. */
export function mortal(
  protocol: WorkerProtocol,
  plan: CrashPlan,
  onDeath: (point: string) => void,
): { readonly protocol: WorkerProtocol; readonly isDead: () => boolean } {
  let isDead = false
  const names = new Map<string, string>()
  const die = (point: string): Promise<never> => {
    if (!isDead) {
      isDead = true
      onDeath(point)
    }
    return silence()
  }
  const say = async <T>({ before, after }: Points, call: () => Promise<T>): Promise<T> => {
    if (isDead) return await silence()
    if (before !== undefined && plan.strikes(before)) return await die(before)
    const answer = await call()
    if (isDead) return await silence()
    if (after !== undefined && !isRefusal(answer) && plan.strikes(after)) return await die(after)
    return answer
  }
  return {
    isDead: () => isDead,
    protocol: {
      register: (hello) => say({}, () => protocol.register(hello)),
      async claim(ask) {
        const claimed = await say({}, () => protocol.claim(ask))
        return claimed.length > 0 && plan.strikes('after:claim') ? await die('after:claim') : claimed
      },
      heartbeat: (beat) => say({}, () => protocol.heartbeat(beat)),
      work: (worker, id, command) => say(pointsOf(command, names), () => protocol.work(worker, id, command)),
      listen: (ask) => say({}, () => protocol.listen(ask)),
      drain: (worker, on) => say({}, () => protocol.drain(worker, on)),
      spawn: (worker, id, spawn) => say({}, () => protocol.spawn(worker, id, spawn)),
      gone: (end) => say({}, () => protocol.gone(end)),
      signOff: (worker) => say({}, () => protocol.signOff(worker)),
    },
  }
}

const silence = (): Promise<never> => new Promise(() => {})

function pointsOf(command: WorkerCommand | PermitCommand, names: Map<string, string>): Points {
  switch (command.type) {
    case 'record_step':
      return { before: `before:step:${command.name}`, after: `after:step:${command.name}` }
    case 'intend_effect':
      names.set(command.effectKey, command.name)
      return { before: `before:effect:${command.name}`, after: `after:intent:${command.name}` }
    case 'record_effect': {
      const name = names.get(command.effectKey) ?? ''
      return { before: `after:call:${name}`, after: `after:effect:${name}` }
    }
    case 'succeed':
    case 'fail':
      return { before: 'before:settle', after: 'after:settle' }
    default:
      return {}
  }
}
