/** Another system that takes lines of a log over HTTP, and behaves as it is told. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Taken {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** A status to answer with, an address to lead to, no answer at all, or a broken connection. */
export type Behaviour = number | `http://${string}` | 'hang' | 'break'

export type Collector = Awaited<ReturnType<typeof collecting>>

export async function collecting(decide: (request: Taken, nth: number) => Behaviour = () => 204) {
  /** What came in requests that were answered with 2xx. */
  const taken: Taken[] = []
  const asked: Taken[] = []
  let behave = decide
  let last: Behaviour | undefined
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const sent = { headers: request.headers, body: Buffer.concat(chunks).toString() }
      asked.push(sent)
      const how = behave(sent, asked.length)
      last = how
      if (typeof how === 'number' && how < 300) taken.push(sent)
      answer(response, how)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/logs`,
    taken,
    asked,
    /** How the newest request was answered. */
    last: (): Behaviour | undefined => last,
    /** Every line that was taken, in order. */
    lines: (): string[] => taken.flatMap(({ body }) => body.split('\n').filter((line) => line !== '')),
    behave(how: (request: Taken, nth: number) => Behaviour): void {
      behave = how
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

function answer(response: ServerResponse, how: Behaviour): void {
  if (how === 'hang') return
  if (how === 'break') response.destroy()
  else if (typeof how === 'number') response.writeHead(how).end(how === 204 ? undefined : 'said at length')
  else response.writeHead(307, { location: how }).end()
}
