/**
 * Entry of the thread that ends its process when the worker above it is gone. The main loop cannot be trusted with
 * that: a handler may be keeping it busy.
 */
import { workerData } from 'node:worker_threads'
import { createSystemClock } from '../time/clock.ts'

const everyMs = 500
const clock = createSystemClock()

const look = (): void => {
  // An orphan is given another parent by the kernel. The group holds whatever the handler has started, too.
  if (process.ppid === workerData) clock.timer(everyMs, look)
  else process.kill(-process.pid, 'SIGKILL')
}
look()
