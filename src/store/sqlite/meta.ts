import type { DatabaseSync } from 'node:sqlite'

export interface Meta {
  /** 16 random bytes, made with the database and kept for ever: public ids derive from them. */
  readonly publicIdKey: Uint8Array
  readonly ownerEpoch: number
  /** False while somebody owns the database, and after one that did not close it. */
  readonly isClean: boolean
}

/** Reads what the database knows about itself. */
export function readMeta(db: DatabaseSync): Meta {
  const row = db.prepare('select public_id_key, owner_epoch, clean from meta').get()
  if (row === undefined) throw new Error('the database has lost its row of meta')
  return {
    publicIdKey: row.public_id_key as Uint8Array,
    ownerEpoch: row.owner_epoch as number,
    isClean: row.clean === 1,
  }
}

/** Begins an ownership: a higher epoch, and unclean until `markClean`. */
export function takeOver(db: DatabaseSync): void {
  db.exec('update meta set owner_epoch = owner_epoch + 1, clean = 0')
}

export function markClean(db: DatabaseSync): void {
  if (db.isTransaction) db.exec('rollback')
  db.exec('update meta set clean = 1')
}
