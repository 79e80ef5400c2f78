import { createServer, type Socket } from 'node:net'

/** One message of the protocol, as a server sends it: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const message = (type: string, ...parts: readonly (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)))
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(type), length, body])
}
const short = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
const long = (value: number): Buffer => Buffer.from([value >> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255])

const ready = message('Z', Buffer.from('I'))

/** What every question is answered with: one row of texts. */
function rowOf(cells: readonly { readonly oid: number; readonly text: string }[]): Buffer {
  const columns = cells.map(({ oid }) =>
    Buffer.concat([Buffer.from('c\0'), long(0), short(0), long(oid), short(8), long(-1), short(0)]),
  )
  const values = cells.map(({ text }) => Buffer.concat([long(text.length), Buffer.from(text)]))
  return Buffer.concat([
    message('T', short(cells.length), ...columns),
    message('D', short(cells.length), ...values),
    message('C', 'SELECT 1'),
  ])
}

/** A server that answers like a PostgreSQL of another time: whoever connects is let in, and gets the same row for everything. */
export async function startOldServer(version: number): Promise<{ readonly url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const answer = rowOf([
    { oid: 23, text: String(version) },
    { oid: 25, text: 'UTF8' },
    { oid: 16, text: 'f' },
    { oid: 16, text: 'f' },
    { oid: 20, text: '0' },
  ])
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let isIn = false
    socket.on('data', (chunk) => {
      if (!isIn) {
        isIn = true
        const status = message('S', 'server_version', `${Math.floor(version / 10_000)}.4`)
        socket.write(Buffer.concat([message('R', long(0)), status, ready]))
      } else if (chunk[0] === 'Q'.charCodeAt(0)) socket.write(Buffer.concat([answer, ready]))
      else if (chunk[0] === 'P'.charCodeAt(0)) socket.write(Buffer.concat([message('1'), message('2'), answer, ready]))
      else socket.end()
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    url: `postgres://postgres@127.0.0.1:${address.port}/postgres`,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((closed) => server.close(() => closed()))
    },
  }
}
