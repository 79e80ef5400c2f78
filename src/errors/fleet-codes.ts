/** What many processes on one store must be told. */
export const fleetCodes = {
  leader_superseded: {
    http: 409,
    exit: 5,
    why: 'The process gave a duty of the store under an epoch that is over: another process leads by now.',
    next: 'Nothing: it stands by, and takes its turn when the present leader is gone.',
  },
  process_takes_no_work: {
    http: 409,
    exit: 5,
    why: 'Only what runs executions can be drained, and this process runs none.',
    next: 'Stop it with SIGTERM: it lets requests under way end, and gives the lead back if it has it.',
  },
} as const
