import type { Fact } from '../../execution/decision.ts'
import type { Execution } from '../../execution/execution.ts'
import type { Hold } from '../order.ts'

/** What a commit does that parents, children and holders must hear of. */
export class Kin {
  /** How many children each parent has that this commit asked about. */
  readonly childCounts = new Map<number, number>()
  readonly endedChildren: { readonly child: Execution; readonly result: string | null }[] = []
  /** Executions that are to be cancelled since this commit. */
  readonly cancelledHere: Execution[] = []
  /** Children that this commit has cancelled with their parents, or tried to. */
  readonly cascaded = new Set<number>()
  /** Running executions that somebody asked to cancel, with their holders. */
  readonly cancelAsked: (Hold & { readonly worker: number })[] = []

  saw(was: Execution, is: Execution, { type }: Fact): void {
    if (type === 'cancel_requested' && was.state === 'running' && was.worker !== null) {
      this.cancelAsked.push({ id: was.id, fence: was.fence, worker: was.worker })
    }
    if (was.cancelledAt === null && is.cancelledAt !== null) this.cancelledHere.push(is)
  }

  ended(child: Execution, result: string | null): void {
    if (child.parent !== null) this.endedChildren.push({ child, result })
  }
}
