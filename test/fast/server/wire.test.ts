import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { WireLimits } from '../../../src/server/wire.ts'
import { startServer } from '../../../src/server.ts'
import { createSystemClock } from '../../../src/time/clock.ts'
import { serving } from './serving.ts'

/** A server at a real socket, with limits small enough to reach. */
async function listening(wire: Partial<WireLimits> = {}) {
  const served = await serving({ slots: 0 })
  const closing = new AbortController()
  const running = await startServer({ app: served.app, port: 0, clock: createSystemClock(), closing, wire })
  const port = Number(new URL(running.url).port)
  const sockets: Socket[] = []
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }
  return {
    ...served,
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await running.close(0)
      await served[Symbol.asyncDispose]()
    },
  }
}

/** All that the server says until it closes. */
async function said(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8').on('data', (part) => (text += part))
  await once(socket, 'close')
  return text
}

const request = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'host: pawl.test', 'connection: close', ...headers, '', ''].join('\r\n')

const problemIn = (answer: string): unknown => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))

/** Sends a byte now and then, as long as the other side listens. */
function drip(socket: Socket, text: string): void {
  let place = 0
  const timer = setInterval(() => {
    if (socket.destroyed || place === text.length) clearInterval(timer)
    else socket.write(text[place++] ?? '')
  }, 20)
  socket.once('close', () => clearInterval(timer))
}

test('SE-32 a client that sends its headers byte by byte is told that it is too slow, and is closed', async () => {
  await using server = await listening({ headersMs: 150, requestMs: 300 })
  const socket = await server.open()
  const answer = said(socket)
  drip(socket, request('/healthz', `x-slow: ${'x'.repeat(2_000)}`))
  expect(await answer).toMatch(/^HTTP\/1\.1 408 /)
  expect(problemIn(await answer)).toMatchObject({ code: 'request_too_slow', next: expect.stringMatching(/\w/) })
})

test('SE-32 a client that connects and says nothing is closed', async () => {
  await using server = await listening({ headersMs: 100, requestMs: 200 })
  expect(await said(await server.open())).toMatch(/^(HTTP\/1\.1 408 |$)/)
})

test('SE-32 a client that sends its body byte by byte is closed, and nothing of it is done', async () => {
  await using server = await listening({ headersMs: 150, requestMs: 200 })
  const socket = await server.open()
  const answer = said(socket)
  const body = JSON.stringify({ reason: 'x'.repeat(500) })
  const head = ['POST /v1/pauses HTTP/1.1', 'host: h', `authorization: Bearer ${server.adminToken}`]
  socket.write([...head, `content-length: ${body.length}`, '', ''].join('\r\n'))
  drip(socket, body)
  expect(await answer).toMatch(/^HTTP\/1\.1 (408|400) /)
  expect(await server.pawl.engine.host.views.pauses()).toEqual([])
})

test('SE-32 a client that half closes in the middle of a request gets no more than a refusal, and the next is served', async () => {
  await using server = await listening()
  const socket = await server.open()
  const answer = said(socket)
  socket.end('POST /v1/pauses HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\n{"reas')
  expect(await answer).not.toMatch(/^HTTP\/1\.1 2/)
  const next = await server.open()
  const served = said(next)
  next.write(request('/healthz'))
  expect(await served).toMatch(/^HTTP\/1\.1 200 /)
})

test('SE-32 headers that are too many or too long are refused, and none is left out without a word', async () => {
  await using server = await listening()
  const ask = async (...headers: string[]): Promise<string> => {
    const socket = await server.open()
    const answer = said(socket)
    socket.write(request('/v1/ops', ...headers))
    return answer
  }
  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `x-${index}: y`)
  const authorization = `authorization: Bearer ${server.adminToken}`
  // Together with those of the request itself.
  expect(await ask(...many(97), authorization)).toMatch(/^HTTP\/1\.1 200 /)
  for (const count of [98, 150, 400]) {
    const answer = await ask(...many(count), authorization)
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
    expect(problemIn(answer)).toMatchObject({ code: 'headers_too_large' })
  }
  for (const each of [`x-long: ${'x'.repeat(17_000)}`, `cookie: ${'a=b; '.repeat(4_000)}`]) {
    const answer = await ask(each, authorization)
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
    expect(problemIn(answer)).toMatchObject({ code: 'headers_too_large' })
  }
})

test('SE-34 two Authorization headers are refused whichever of them is good', async () => {
  await using server = await listening()
  const good = `authorization: Bearer ${server.adminToken}`
  for (const pair of [
    [good, 'Authorization: Bearer x'],
    ['AUTHORIZATION: Bearer x', good],
    [good, good],
  ]) {
    const socket = await server.open()
    const answer = said(socket)
    socket.write(request('/v1/ops', ...pair))
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(problemIn(await answer)).toMatchObject({ code: 'ambiguous_credentials' })
  }
})

test('SE-32 what is no HTTP, or could be read in two ways, is refused and closed', async () => {
  await using server = await listening()
  const bad = [
    'nonsense\r\n\r\n',
    '\u0000\u0001\u0002\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: h\r\nbad header\r\n\r\n',
    'POST /v1/pauses HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /v1/pauses HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
    'POST /v1/pauses HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n',
    'GET /v1/ops HTTP/1.1\r\nhost: h\r\nx: a\nb\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ]
  for (const text of bad) {
    const socket = await server.open()
    const answer = said(socket)
    socket.write(text)
    expect([text, await answer]).toEqual([text, expect.stringMatching(/^HTTP\/1\.1 400 /)])
    expect(problemIn(await answer)).toMatchObject({ code: 'malformed_request' })
  }
})

test('SE-32 an address has only so many connections, and one that ends makes room for the next', async () => {
  await using server = await listening({ connectionsPerAddress: 2 })
  const [first] = [await server.open(), await server.open()]
  expect(await said(await server.open())).toBe('')
  const ended = once(first as Socket, 'close')
  first?.write(request('/healthz'))
  first?.resume()
  await ended
  for (;;) {
    const socket = await server.open()
    const answer = said(socket)
    socket.write(request('/healthz'))
    // The server hears of an end a moment after the client.
    if ((await answer).startsWith('HTTP/1.1 200 ')) break
  }
})

test('SE-32 a client that asks for a stream and never reads it is closed, and the stream with it', async () => {
  await using server = await listening({ idleMs: 100 })
  const body = { action: 'demo.add', input: { a: 1 } }
  const { id } = (await (await server.send('/v1/executions', { body })).json()) as { id: string }
  const socket = await server.open()
  socket.pause()
  socket.write(request(`/v1/executions/${id}/stream`, `authorization: Bearer ${server.adminToken}`))
  const ended = once(socket, 'close')
  // Reading is what tells a socket of its end; what the server wrote before it is thrown away.
  await once(socket, 'readable').then(() => socket.resume())
  await ended
})
