/** What many processes on one store must be told. */
export const fleetCodes = {
  leader_superseded: {
    http: 409,
    exit: 5,
    why: 'The process gave a duty of the store under an epoch that is over: another process leads by now.',
    next: 'Nothing: it stands by, and takes its turn when the present leader is gone.',
  },
} as const
