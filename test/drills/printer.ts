/** Entry of a worker process that prints; it dies by SIGKILL at any moment. */
import { randomUUID } from 'node:crypto'
import { actionRegistry } from '../../src/action/action.ts'
import { artifactFiles } from '../../src/artifacts/files.ts'
import { systemRandom } from '../../src/identity/random.ts'
import { socketProtocol } from '../../src/protocol/socket.ts'
import { thisProcess } from '../../src/recover/this-process.ts'
import { createSystemClock } from '../../src/time/clock.ts'
import { createWorker } from '../../src/worker.ts'
import { listen, optionsOf, tell } from './link.ts'
import { printing } from './printing.ts'

const { socket, dataDir, slots, identity, isCareless } = optionsOf<PrinterOptions>()
listen()
const clock = createSystemClock()
const worker = createWorker({
  protocol: socketProtocol({ path: socket, clock }),
  actions: actionRegistry([printing(isCareless)]),
  identity,
  incarnation: randomUUID(),
  host: thisProcess(),
  slots,
  clock,
  random: systemRandom,
  artifacts: artifactFiles({ dataDir, unique: () => randomUUID(), now: () => clock.now() }),
  log: () => {},
})
await worker.start()
tell({ ready: { head: 0, freed: 0, address: identity } })

export interface PrinterOptions {
  readonly socket: string
  readonly dataDir: string
  readonly slots: number
  readonly identity: string
  readonly isCareless: boolean
}
