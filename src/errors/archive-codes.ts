/** What has been put away, and what went wrong with it there. */
export const archiveCodes = {
  execution_archived: {
    http: 409,
    exit: 5,
    why: 'The execution is archived, so that nothing can change it.',
    next: 'Bring it back with `pawl archive restore <id>`, then try again.',
  },
  archive_damaged: {
    http: 500,
    exit: 1,
    why: 'The archived document does not have the digest that was recorded when it was put away.',
    next: 'Restore the database from a backup that was made before; the log holds the history meanwhile.',
  },
} as const
