/** What actions, their dead letters and their priorities are called in BullMQ. */

/** A name of a queue may not hold `:`, which actions may; `%` is written out, too, so that every name can be read back. */
export const legalName = (name: string): string => name.replaceAll(/[%:]/g, (sign) => (sign === '%' ? '%25' : '%3A'))

export const nameBehind = (legal: string): string => legal.replaceAll('%3A', ':').replaceAll('%25', '%')

/** One queue for each version of an action: a worker takes hints only of versions that it has. */
export const queueName = (action: string, version: number): string => `${legalName(action)}@${version}`

/** `bundle:generate` has its dead letters in `bundle:generate:dlq`, over all its versions. */
export const deadLetterName = (action: string): string => legalName(`${action}:dlq`)

/** BullMQ counts from 1, the most urgent, to 2^21. */
const prioritiesMax = 2 ** 21

/** Claim order as BullMQ's priority: lower is sooner in both, and 0 lies in the middle. */
export const bullPriority = (rank: number): number =>
  Math.min(prioritiesMax, Math.max(1, prioritiesMax / 2 + Math.round(rank)))
