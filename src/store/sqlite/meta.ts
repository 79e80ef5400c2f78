import type { DatabaseSync } from 'node:sqlite'

export interface Meta {
  /** 16 random bytes, made with the database and kept for ever: public ids derive from them. */
  readonly publicIdKey: Uint8Array
  readonly ownerEpoch: number
  readonly wasClean: boolean
  markClean(): void
}

/** Reads what the database knows about itself; an owner also raises the epoch and counts as unclean until it closes. */
export function openMeta(db: DatabaseSync, readOnly: boolean): Meta {
  const before = read(db)
  if (!readOnly) db.exec('update meta set owner_epoch = owner_epoch + 1, clean = 0')
  return {
    publicIdKey: before['public_id_key'] as Uint8Array,
    ownerEpoch: (before['owner_epoch'] as number) + (readOnly ? 0 : 1),
    wasClean: before['clean'] === 1,
    markClean() {
      if (db.isTransaction) db.exec('rollback')
      db.exec('update meta set clean = 1')
    },
  }
}

function read(db: DatabaseSync): Record<string, unknown> {
  const row = db.prepare('select public_id_key, owner_epoch, clean from meta').get()
  if (row === undefined) throw new Error('the database has lost its row of meta')
  return row
}
