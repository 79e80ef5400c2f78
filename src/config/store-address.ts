/** What `PAWL_STORE` may say: `sqlite:` and a path, or the address of a PostgreSQL server. */
export const isPostgresAddress = (store: string): boolean => /^postgres(ql)?:\/\//.test(store)

export const isStoreAddress = (store: string): boolean =>
  isPostgresAddress(store) ? URL.canParse(store) : /^sqlite:.+/.test(store)

/** The file of an embedded store; null where the store is a server's. */
export const storePath = (store: string): string | null =>
  isPostgresAddress(store) ? null : store.replace(/^sqlite:/, '')

/** What of an address must never be shown. */
export function storeSecrets(store: string): readonly string[] {
  return isPostgresAddress(store) ? addressSecrets(store) : []
}

/** The password in any address of a server. */
export function addressSecrets(address: string | undefined): readonly string[] {
  if (address === undefined || !URL.canParse(address)) return []
  const { password } = new URL(address)
  return password === '' ? [] : [password, decodeURIComponent(password)]
}
