/** The refusals of the store and the machine below, in the manner of `codes.ts`. */
export const storeCodes = {
  quarantined: {
    http: 409,
    exit: 5,
    why: 'A row of this execution cannot be read, so everything about it is held back.',
    next: 'Repair the row or deploy code that reads it, then: pawl quarantine release <key>; `pawl ops` lists the keys.',
  },
  still_undecodable: {
    http: 409,
    exit: 5,
    why: 'What was set aside still cannot be read.',
    next: 'Repair the row or deploy code that reads it, then release it again.',
  },
  not_stored: {
    http: 500,
    exit: 1,
    why: 'The store could not write this one of many; nothing of it is stored, and others of the same call are.',
    next: 'Submit it again alone with the same idempotency key; if it fails again, report what the server has logged.',
  },
  store_busy: {
    http: 503,
    exit: 1,
    why: 'The store did not become free in time.',
    next: 'Send the same request again; it is safe with the same idempotency key.',
  },
  store_closed: {
    http: 503,
    exit: 1,
    why: 'The store is closed or closing.',
    next: 'Start the server again and repeat the request.',
  },
  store_foreign_file: {
    http: 500,
    exit: 1,
    why: 'The file is a database of another program, or no database at all.',
    next: 'Point PAWL_STORE to another file; this one was not touched.',
  },
  store_corrupt: {
    http: 500,
    exit: 1,
    why: 'The database file is damaged.',
    next: 'Keep the file, restore the last backup and compare.',
  },
  store_locked: {
    http: 503,
    exit: 1,
    why: 'Another process owns the database file.',
    next: 'Stop that process, or talk to its server with PAWL_URL.',
  },
  store_read_only: {
    http: 503,
    exit: 1,
    why: 'The database file or its folder cannot be written.',
    next: 'Correct the permissions of the file and its folder.',
  },
  store_full: {
    http: 507,
    exit: 1,
    why: 'The disk is full; nothing of the refused change was stored.',
    next: 'Free some space and send the same request again.',
  },
  store_newer_schema: {
    http: 500,
    exit: 1,
    why: 'The database was written by a newer version of Pawl.',
    next: 'Start that newer version or restore an older backup.',
  },
  sqlite_too_old: {
    http: 500,
    exit: 1,
    why: 'The SQLite in this Node is older than 3.51.3 and can lose commits when it resets its log.',
    next: 'Use a newer Node 24.',
  },
  node_too_old: {
    http: 500,
    exit: 1,
    why: 'This Node is older than the version Pawl needs.',
    next: 'Install Node 24.15 or newer.',
  },
  server_unreachable: {
    http: 503,
    exit: 11,
    why: 'The server does not answer.',
    next: 'Check PAWL_URL and that `pawl serve` runs.',
  },
} as const
