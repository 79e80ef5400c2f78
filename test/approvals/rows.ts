/** The rows of one new execution, for rules that are looked at without a store. */
import { admittedOf } from '../../src/commit/admission.ts'
import type { Gate } from '../../src/execution/approval.ts'
import type { Execution, Request } from '../../src/execution/execution.ts'
import type { Plan } from '../../src/execution/plan.ts'
import { publicIdKey } from '../../src/identity/public-id.ts'
import { admissionOf } from './drivers.ts'

const idKey = publicIdKey(new Uint8Array(16))
const at = 1_000

export function rowsOf(gate: Gate, isPlanned: boolean): { execution: Execution; request: Request; plan: Plan } {
  const born = { id: 1, queue: 1, generation: 1, position: 1, at, deadlineAt: null }
  const { execution, request } = admittedOf(admissionOf(gate, isPlanned), born, idKey)
  const { planHash: hash } = gate
  const made = { id: 1, hash, parallel: 1, at, worker: null, diff: null }
  const plan =
    hash === null
      ? { ...made, revision: 0, summary: null, reads: null }
      : { ...made, revision: 1, summary: 'a', reads: '[]' }
  return { execution, request, plan }
}
