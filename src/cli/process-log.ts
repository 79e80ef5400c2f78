import type { Config } from '../config/config.ts'
import { addressSecrets, storeSecrets } from '../config/store-address.ts'
import { systemRandom } from '../identity/random.ts'
import { createLog, type Log, LogDelivery } from '../server.ts'
import type { Clock } from '../time/clock.ts'

export interface ProcessLog {
  readonly log: Log
  /** Where the configuration names another system that takes the log. */
  readonly delivery: LogDelivery | undefined
  /** Delivers what waits, within a few seconds. The last thing that a process does. */
  close(): Promise<void>
}

/** The log of a server or worker: every line on standard error, and the same bytes wherever `PAWL_LOG_URL` says. */
export function openLog(config: Config, clock: Clock, tokens: readonly string[] = []): ProcessLog {
  const { logUrl: url, logToken: token } = config
  const secrets = [
    ...tokens,
    config.token,
    token,
    config.slackBotToken,
    config.crmToken,
    ...storeSecrets(config.store),
    ...addressSecrets(config.redisUrl),
  ].filter((secret) => secret !== undefined)
  const delivery =
    url === undefined
      ? undefined
      : new LogDelivery({
          url,
          token,
          clock,
          random: systemRandom,
          say: (level, message, fields) => log.module('log')[level](fields, message),
        })
  const write = (line: string): void => {
    process.stderr.write(line)
    delivery?.take(line)
  }
  const log = createLog({ level: config.logLevel, clock, secrets, write })
  return { log, delivery, close: async () => await delivery?.close() }
}
