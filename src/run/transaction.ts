import type { HandlerTransaction } from '../action/action.ts'
import { TerminalError } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import { transactionPrefix } from '../execution/decide-fold.ts'
import { LostTransaction } from '../store/failures.ts'
import type { Transactions } from '../store/inbox.ts'
import { haltOf, reconciled } from './halt.ts'
import { recorded, replayed } from './recorded-value.ts'
import type { Running } from './running.ts'

/**
 * Commits what the handler writes and the record of it in one transaction of the store's database. A later claim is given
 * the record, whether it has reached the journal or not.
 */
export async function performTransaction<T>(
  running: Running,
  transactions: Transactions | undefined,
  name: string,
  now: () => number,
  body: (tx: HandlerTransaction) => T | Promise<T>,
): Promise<T> {
  const step = `${transactionPrefix}${name}`
  const { ordinal, recorded: known } = running.journal.nextStep(step)
  if (known !== undefined) return running.decode<T>(`The recorded value of transaction ${name}`, known.value)
  if (running.reconcileOnly) throw running.stop(reconciled())
  if (transactions === undefined) {
    throw new TerminalError(
      'A transaction needs a worker that holds Pawl’s PostgreSQL database; on SQLite, over HTTP and in a process of its own there is none.',
    )
  }
  const startedAt = now()
  const { id } = running.claimed.execution
  const place = { execution: id, fence: running.fence, name: step, ordinal, startedAt, at: startedAt }
  let value: string
  try {
    const answer = await transactions.perform(place, async (tx) => {
      const given = await running.chance.within('step', step, ordinal, () => body(tx))
      running.signal.throwIfAborted()
      return recorded(given, `transaction ${name}`)
    })
    if (isRefusal(answer)) throw running.stop(haltOf(answer))
    value = answer
  } catch (thrown) {
    // Whether it happened must not be taken for a no: the next attempt looks again before it does anything.
    throw thrown instanceof LostTransaction ? running.stop({ kind: 'failed', error: thrown }) : thrown
  }
  await running.send({ type: 'record_step', fence: running.fence, name: step, ordinal, value, startedAt })
  return replayed<T>(value)
}
