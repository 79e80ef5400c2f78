import { BlockList, isIP } from 'node:net'

/** Who is at the other end, as far as it can be believed. */
export interface Peer {
  /** Null where the request came over no socket. */
  readonly address: string | null
  /** The browser speaks https, to this server or to the proxy before it. */
  readonly isSecure: boolean
}

/** Addresses of proxies whose `X-Forwarded-…` headers are believed; nobody else's are. */
export class TrustedProxies {
  readonly #list = new BlockList()
  readonly #isEmpty: boolean

  /** @param addresses each an IP address, or a network such as `10.0.0.0/8` */
  constructor(addresses: readonly string[]) {
    this.#isEmpty = addresses.length === 0
    for (const address of addresses) {
      const [network = '', prefix] = address.split('/')
      const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
      if (prefix === undefined) this.#list.addAddress(network, family)
      else this.#list.addSubnet(network, Number(prefix), family)
    }
  }

  trusts(address: string): boolean {
    const family = isIP(address)
    return !this.#isEmpty && family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** The client before all trusted proxies: headers of anybody else could name anybody. */
export function peerOf(request: Request, remoteAddress: string | undefined, proxies: TrustedProxies): Peer {
  const direct = remoteAddress?.replace(/^::ffff:/, '') ?? null
  if (direct === null || !proxies.trusts(direct)) {
    return { address: direct, isSecure: request.url.startsWith('https:') }
  }
  const chain = listOf(request.headers.get('x-forwarded-for'))
  const client = chain.findLast((address) => !proxies.trusts(address))
  const scheme = listOf(request.headers.get('x-forwarded-proto')).at(-1)
  return { address: client !== undefined && isIP(client) !== 0 ? client : direct, isSecure: scheme === 'https' }
}

const listOf = (header: string | null): readonly string[] => header?.split(',').map((each) => each.trim()) ?? []
