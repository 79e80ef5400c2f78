/** Entry of a worker process that reaches the store over the local socket or over HTTP. */
import { randomUUID } from 'node:crypto'
import { actionRegistry } from '../../src/action/action.ts'
import { actionsOf } from '../../src/action/module.ts'
import { bullmq } from '../../src/bullmq.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { systemRandom } from '../../src/identity/random.ts'
import { httpProtocol } from '../../src/protocol/http.ts'
import type { WorkerProtocol } from '../../src/protocol/protocol.ts'
import { socketProtocol } from '../../src/protocol/socket.ts'
import { threadHeart } from '../../src/protocol/thread-heart.ts'
import { thisProcess } from '../../src/recover/this-process.ts'
import { createSystemClock } from '../../src/time/clock.ts'
import { createWorker } from '../../src/worker.ts'
import { fleet } from './fleet-workload.ts'
import { listen, optionsOf, tell, tellOfRedis } from './link.ts'
import type { WorkerOptions } from './messages.ts'
import { patient, quick, workload } from './workload.ts'

const { carrier, target, identity, slots, redisUrl, elsewhere, actionsModule } = optionsOf<WorkerOptions>()
listen()
const clock = createSystemClock()
const remote = carrier.kind === 'socket' ? socketProtocol({ path: carrier.path, clock }) : httpProtocol(carrier)
const endings: ReadonlySet<string> = new Set(['succeed', 'fail', 'suspend', 'hand_back', 'end_reconciliation'])

/** The same protocol, with a witness: what this process wrote at its end of the line, and what it was told. */
const witnessed: WorkerProtocol = {
  ...remote,
  async work(worker, id, command) {
    const answer = await remote.work(worker, id, command)
    const refused = isRefusal(answer) ? answer.code : null
    if (refused !== null || endings.has(command.type)) {
      tell({ written: { id, fence: command.fence, command: command.type, refused } })
    }
    return answer
  },
}

const ports = { host: null, clock, random: systemRandom, log: tellOfRedis }
const side = redisUrl === null ? undefined : (await bullmq({ url: redisUrl }).open(ports)).worker(witnessed)
const other = actionsModule === null ? undefined : { module: actionsModule }
const here = thisProcess()
const worker = createWorker({
  protocol: side?.protocol ?? witnessed,
  actions: actionRegistry(
    other === undefined ? [workload(target), patient(target), fleet(target), quick] : await actionsOf(other),
  ),
  actionsModule: other,
  identity,
  incarnation: randomUUID(),
  host: elsewhere ? { ...here, host: 'another-machine' } : here,
  slots,
  clock,
  random: systemRandom,
  heart: (welcome, news) => {
    const heart = threadHeart(clock, carrier, welcome, news)
    return side?.heart(heart) ?? heart
  },
  log(level, message, fields) {
    const execution = fields.execution
    if (message.startsWith('Nothing more is written') && typeof execution === 'string') tell({ left: execution })
    else if (level === 'error') tell({ said: `${identity}: ${message} ${JSON.stringify(fields)}` })
  },
})
await worker.start()
tell({ ready: { head: 0, freed: 0, address: identity } })
