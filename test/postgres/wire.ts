import { connect, createServer, type Server, type Socket } from 'node:net'

/** A wire between a program and its server that is cut at a chosen moment. */
export interface Wire {
  readonly url: string
  /** Cuts the next connection that commits: before the server hears of it, or when it has done it. */
  cutNextCommit(when: 'before' | 'after'): void
  readonly cuts: () => number
  close(): Promise<void>
}

export async function openWire(server: string): Promise<Wire> {
  const target = new URL(server)
  let pending: 'before' | 'after' | null = null
  let cuts = 0
  const sockets = new Set<Socket>()
  const wire: Server = createServer((program) => {
    const far = connect(Number(target.port), target.hostname)
    const cut = (): void => {
      program.destroy()
      far.destroy()
    }
    for (const socket of [program, far]) {
      sockets.add(socket)
      socket.on('error', cut)
      socket.on('close', cut)
    }
    // Only a connection that marks its commits is a writer's.
    let isWriter = false
    program.on('data', (chunk) => {
      if (chunk.includes('pg_notify') || chunk.includes('tellOthers')) isWriter = true
      if (isWriter && pending === 'before' && chunk.includes('commit\0')) {
        pending = null
        cuts += 1
        cut()
      } else far.write(chunk)
    })
    far.on('data', (chunk) => {
      if (isWriter && pending === 'after' && chunk.includes('COMMIT\0')) {
        pending = null
        cuts += 1
        cut()
      } else program.write(chunk)
    })
  })
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve))
  const address = wire.address()
  if (address === null || typeof address === 'string') throw new Error('the wire has no port')
  const url = new URL(server)
  url.host = `127.0.0.1:${address.port}`
  return {
    url: url.href,
    cutNextCommit(when) {
      pending = when
    },
    cuts: () => cuts,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => wire.close(() => resolve()))
    },
  }
}
