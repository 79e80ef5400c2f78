import { type Refusal, refuse } from '../errors/refusal.ts'
import { gateText } from '../execution/approval.ts'
import { transactionPrefix } from '../execution/decide-fold.ts'
import { refuseBeginning } from '../execution/decide-gates.ts'
import { Rights } from '../rights/rights.ts'
import type { LookedAt, StepPlace } from '../store/inbox.ts'
import type { Views } from '../store/store.ts'
import { RightsBook } from './rights/rights.ts'

export interface BeginningsOptions {
  readonly views: Pick<Views, 'find' | 'rights'>
  readonly now: () => number
}

/**
 * Whether a handler's transaction may be committed, by the rule of the intents of effects. It is committed without the
 * writer of the store, so that the rule is asked beforehand, and the commit compares what it was told.
 */
export class Beginnings {
  readonly #options: BeginningsOptions
  #rights = Rights.none

  constructor(options: BeginningsOptions) {
    this.#options = options
  }

  async look({ execution: id, fence, name }: StepPlace): Promise<LookedAt | Refusal> {
    const { views, now } = this.#options
    const [found, rights] = await Promise.all([views.find(id), this.#current()])
    if (found?.execution.fence !== fence || found.execution.state !== 'running') {
      return refuse('lease_lost', `The lease under fence ${fence} is over; nothing of the transaction was kept.`)
    }
    const { execution, request } = found
    const requester = new RightsBook(rights, now()).ofRequester(request)
    const effect = name.slice(transactionPrefix.length)
    const closed = refuseBeginning(execution, { effect, target: null }, { requester })
    return closed ?? { gate: gateText(execution.gate), rights: rights.version }
  }

  async #current(): Promise<Rights> {
    const changes = await this.#options.views.rights(this.#rights.version)
    // Somebody else may have asked meanwhile and be further already.
    const { version } = this.#rights
    this.#rights = this.#rights.after(changes.filter((change) => change.version > version))
    return this.#rights
  }
}
