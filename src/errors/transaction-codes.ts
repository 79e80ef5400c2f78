/** The refusals of transactions that callers and handlers hold open themselves, in the manner of `codes.ts`. */
export const transactionCodes = {
  submission_elsewhere: {
    http: 422,
    exit: 2,
    why: 'The transaction is not one of the database in which Pawl keeps its executions, or sees another schema of it.',
    next: 'Give a transaction of the database that PAWL_STORE names, or submit after your own commit with an idempotency key.',
  },
  transaction_impossible: {
    http: 422,
    exit: 2,
    why: 'On SQLite the file belongs to one writer, so no transaction of yours can hold what Pawl writes.',
    next: 'Submit after your own commit with an idempotency key, or keep Pawl in the PostgreSQL database that holds your data.',
  },
} as const
