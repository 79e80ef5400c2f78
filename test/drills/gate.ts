import { connect, createServer, type Socket } from 'node:net'

/** An address that stays while the server behind it changes: what a virtual address, a proxy or a pooler is to programs. */
export interface Gate {
  readonly url: string
  /** Leads to another server from now on; who was connected to the one before is cut off. */
  leadTo(server: string): void
  close(): Promise<void>
}

export async function openGate(server: string): Promise<Gate> {
  let target = new URL(server)
  const sockets = new Set<Socket>()
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  const gate = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve))
  const address = gate.address()
  if (address === null || typeof address === 'string') throw new Error('the gate has no port')
  const url = new URL(server)
  url.host = `127.0.0.1:${address.port}`
  return {
    url: url.href,
    leadTo(other) {
      target = new URL(other)
      cutAll()
    },
    close: () => {
      cutAll()
      return new Promise((resolve) => gate.close(() => resolve()))
    },
  }
}
