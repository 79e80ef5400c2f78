import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { isOpenGate } from '../execution/approval.ts'
import { decideFold } from '../execution/decide-fold.ts'
import { inputHash } from '../json/hash.ts'
import type { Submission, Taken, TransactionStep } from '../store/inbox.ts'
import type { Changes } from '../store/rows.ts'
import { type Admitting, admitOne } from './admission.ts'
import { loadExecutions } from './loading.ts'
import type { Admission, Answer, Order, OrderOf } from './order.ts'
import { type Asking, ask } from './reads.ts'
import type { Workset } from './workset.ts'

const folder = { principal: 'system:inbox', worker: null }

/** What callers have left in transactions of their own, taken up by this commit. */
export class InboxChanges {
  readonly #submissions: { readonly number: number; readonly admission: Admission | Refusal }[] = []
  readonly #steps: TransactionStep[] = []
  readonly #taken: Taken[] = []
  readonly #folded: TransactionStep[] = []
  #isFull = false

  /** The submissions as an order, for whoever reads what orders need. */
  asOrders(): readonly Order[] {
    if (this.#submissions.length === 0) return []
    const admissions = this.#submissions.flatMap(({ admission }) => (isRefusal(admission) ? [] : [admission]))
    return [{ kind: 'admit_many', admissions }]
  }

  /** Looks at what waits, where an order asks for it: beside the other orders' questions, before any is decided. */
  *look(orders: readonly Order[]): Asking<void> {
    const wanted = orders.find((order) => order.kind === 'take_inbox')
    if (wanted?.kind !== 'take_inbox') return
    const { submissions, steps } = yield* ask('waiting', wanted)
    for (const submission of submissions)
      this.#submissions.push({ number: submission.number, admission: admissionOf(submission) })
    this.#steps.push(...steps)
    this.#isFull = submissions.length === wanted.submissions || (wanted.steps > 0 && steps.length === wanted.steps)
  }

  /** Each is admitted for itself, in the order in which it was left; one that is refused is told so when it is looked for. */
  *take(work: Workset, admitting: Admitting, { refused }: OrderOf<'take_inbox'>): Asking<Answer<'take_inbox'>> {
    const answer = { taken: this.#submissions.length, more: this.#isFull }
    for (const { number, admission } of this.#submissions.splice(0)) {
      const outcome =
        refused === number
          ? refuse('not_stored', 'The store could not write it.')
          : isRefusal(admission)
            ? admission
            : admitOne(work, admission, admitting)
      const isRefused = isRefusal(outcome)
      this.#taken.push({
        number,
        at: work.now,
        execution: isRefused ? null : outcome.replayed ? outcome.execution.id : outcome.born.id,
        refusal: isRefused ? JSON.stringify(outcome) : null,
      })
    }
    yield* this.#fold(work)
    return answer
  }

  changes(): Pick<Changes, 'inbox'> {
    return { inbox: { submissions: this.#taken, steps: this.#folded } }
  }

  /** What was committed with its handler's own writes enters the journal, if the run has not brought it there itself. */
  *#fold(work: Workset): Asking<void> {
    const steps = this.#steps.splice(0)
    if (steps.length === 0) return
    const ids = [...new Set(steps.map(({ execution }) => execution))]
    yield* loadExecutions(work, ids)
    const journaled = new Set<string>()
    for (const step of [...(yield* ask('steps', ids)), ...ids.flatMap((id) => work.steps.get(id) ?? [])])
      journaled.add(placeOf({ ...step, execution: step.id }))
    for (const step of steps) {
      if (work.quarantine.holds(step.execution)) continue
      this.#folded.push(step)
      const execution = work.executions.get(step.execution)
      if (execution === undefined || journaled.has(placeOf(step))) continue
      work.apply(execution, decideFold(execution, step, work.now), folder)
    }
  }
}

const placeOf = ({ execution, name, ordinal }: Pick<TransactionStep, 'execution' | 'name' | 'ordinal'>): string =>
  `${execution} ${ordinal} ${name}`

/** Whoever may insert into the table may have written anything there: what is no admission is refused, not believed. */
function admissionOf({ tenant, admission: text }: Submission): Admission | Refusal {
  const refused = refuse('not_stored', 'What was left in the transaction is no checked request.')
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return refused
  }
  if (typeof read !== 'object' || read === null) return refused
  const found = read as Readonly<Record<string, unknown>>
  if (Object.entries(shape).some(([name, kinds]) => !kinds.some((fits) => fits(found[name])))) return refused
  const admission = found as unknown as Admission
  const isWhole = admission.tenant === tenant && admission.inputHash === inputHash(admission.input)
  return isWhole ? admission : refused
}

type Fits = (value: unknown) => boolean
const text: Fits = (value) => typeof value === 'string' && value.isWellFormed() && !value.includes('\0')
const whole: Fits = (value) => Number.isSafeInteger(value)
const flag: Fits = (value) => typeof value === 'boolean'
const none: Fits = (value) => value === null
const absent: Fits = (value) => value === undefined
const oneOf =
  (...words: readonly string[]): Fits =>
  (value) =>
    words.includes(value as string)

const shape: { readonly [K in keyof Required<Admission>]: readonly Fits[] } = {
  tenant: [text],
  action: [text],
  version: [whole],
  subject: [text, none],
  key: [text, none],
  recordOnly: [flag],
  input: [text],
  inputHash: [text],
  seed: [text],
  traceId: [text],
  requestedBy: [text],
  mode: [oneOf('immediate', 'background')],
  priority: [whole],
  slaClass: [text],
  actionClass: [text],
  maxAttempts: [whole],
  availableAt: [whole, none],
  delayMs: [whole, none],
  deadlineAt: [whole, none],
  parentId: [whole, none],
  dedupe: [oneOf('first', 'supersede', 'debounce'), absent],
  ownOnly: [flag, absent],
  queueMax: [whole, absent],
  tenantMax: [whole, absent],
  schedule: [absent],
  permits: [text, none],
  isPlanned: [flag, absent],
  gate: [isOpenGate, absent],
  policyVersion: [whole, absent],
  depth: [whole],
  onParentCancel: [oneOf('cancel', 'abandon'), none],
}
