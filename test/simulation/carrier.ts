import { NetworkError } from '../../src/errors/failures.ts'
import type { WorkerProtocol } from '../../src/protocol/protocol.ts'
import type { Faults } from './faults.ts'
import type { Scheduler } from './scheduler.ts'
import type { Writer } from './writer.ts'

export interface CarrierPorts {
  readonly scheduler: Scheduler
  readonly faults: Faults
  readonly writer: Writer
}

/**
 * Carries one call from a process to the writer and its answer back, through a network that loses, doubles and delays.
 *
 * @throws NetworkError when no answer comes; whether the call took effect is then unknown.
 */
export function carry<T>(
  { scheduler, faults, writer }: CarrierPorts,
  owner: string,
  label: string,
  call: () => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const broken = (why: string) => (): void =>
      scheduler.post(owner, `hears: ${label} ${why}`, () => reject(new NetworkError(why)))
    const send = (): void =>
      scheduler.post('network', `${label} from ${owner}`, () => {
        writer.ask(
          call,
          (answer) => {
            if (faults.strikes('reply is lost', 0.02)) broken('got no reply')()
            else scheduler.post(owner, `hears: ${label}`, () => resolve(answer))
          },
          broken('was cut off'),
        )
      })
    if (faults.strikes('request is lost', 0.02)) {
      broken('was lost')()
      return
    }
    send()
    if (faults.strikes('request is doubled', 0.03)) send()
  })
}

/** The worker protocol of one worker process over that network. `inner` is asked anew for each call: writers restart. */
export function lossyProtocol(ports: CarrierPorts, owner: string, inner: () => WorkerProtocol): WorkerProtocol {
  const over = <T>(label: string, call: () => Promise<T>): Promise<T> => carry(ports, owner, label, call)
  return {
    register: (hello) => over('register', () => inner().register(hello)),
    claim: (ask) => over('claim', () => inner().claim(ask)),
    heartbeat: (beat) => over('heartbeat', () => inner().heartbeat(beat)),
    listen: (ask) => over('listen', () => inner().listen(ask)),
    drain: (worker, on) => over('drain', () => inner().drain(worker, on)),
    work: (worker, id, command) => over(`${command.type} ${id}`, () => inner().work(worker, id, command)),
    gone: (end) => over('gone', () => inner().gone(end)),
    spawn: (worker, id, spawn) => over(`spawn ${id}`, () => inner().spawn(worker, id, spawn)),
    signOff: (worker) => over('sign off', () => inner().signOff(worker)),
  }
}
