import type { Changes } from '../rows.ts'
import { signInCells, tokenCells } from '../sqlite/sign-in-rows.ts'
import type { Put } from './put.ts'
import { newestOf } from './rows-from.ts'

export function saveSignIns(put: Put, { tokens, signIns }: Changes): void {
  put(
    'saveTokens',
    newestOf(tokens, ({ id }) => id),
    tokenCells,
  )
  put('removeSignIns', signIns.remove, (hash) => [hash])
  put(
    'saveSignIns',
    newestOf(signIns.save, ({ hash }) => hash),
    signInCells,
  )
}
