/** What `PAWL_STORE` may say: `sqlite:` and a path, or the address of a PostgreSQL server. */
export const isPostgresAddress = (store: string): boolean => /^postgres(ql)?:\/\//.test(store)

export const isStoreAddress = (store: string): boolean =>
  isPostgresAddress(store) ? serverAddresses(store) !== null : /^sqlite:.+/.test(store)

/**
 * The addresses of one server each that stand in an address as libpq takes it: `postgres://user@one:5432,two/database`. Null
 * where it is none.
 */
export function serverAddresses(store: string): readonly string[] | null {
  const [, scheme = '', who = '', hosts, rest = ''] =
    /^(postgres(?:ql)?:\/\/)([^/?#]*@)?([^/?#]*)(.*)$/.exec(store) ?? []
  if (hosts === undefined) return null
  const all = hosts.split(',').map((host) => `${scheme}${who}${host}${rest}`)
  const isWhole = all.every((each) => URL.canParse(each)) && (all.length === 1 || !hosts.split(',').includes(''))
  return isWhole ? all : null
}

/** The file of an embedded store; null where the store is a server's. */
export const storePath = (store: string): string | null =>
  isPostgresAddress(store) ? null : store.replace(/^sqlite:/, '')

/** What of an address must never be shown. */
export function storeSecrets(store: string): readonly string[] {
  return isPostgresAddress(store) ? addressSecrets(store) : []
}

/** The password in any address of a server. */
export function addressSecrets(address: string | undefined): readonly string[] {
  const [first = ''] = address === undefined ? [] : (serverAddresses(address) ?? [address])
  if (!URL.canParse(first)) return []
  const { password } = new URL(first)
  return password === '' ? [] : [password, decodeURIComponent(password)]
}
