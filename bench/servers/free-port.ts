import { createServer } from 'node:net'

/** A port that the kernel has just found free. Somebody may still take it: whoever uses it checks whom it talks to. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('the kernel gave no port'))
        else resolve(address.port)
      })
    })
  })
}
