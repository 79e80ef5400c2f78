import { DatabaseError } from '../errors/failures.ts'

/**
 * Nothing of the transaction was kept, and the same again may succeed: it was in somebody's way, or the server went away
 * for a moment.
 */
export class Passing extends DatabaseError {}

/** What became of a commit is not known and could not be found out: the same again could do it twice. */
export class UnknownCommit extends DatabaseError {}

/** The connection of a handler's transaction was lost at its commit, and no record of it is there yet. */
export class LostTransaction extends DatabaseError {}
