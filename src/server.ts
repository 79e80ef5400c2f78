/** The door of the HTTP server: what `pawl serve` is made of, for programs that embed it. */
export { createApp } from './server/app.ts'
export { createHealthApp, type HealthOptions } from './server/health.ts'
export { createLog, type Log, type LogOptions } from './server/log.ts'
export {
  type DeliveryCounts,
  type DeliveryLimits,
  LogDelivery,
  type LogDeliveryOptions,
} from './server/log-delivery.ts'
export type { App, AppOptions } from './server/options.ts'
export { type RunningServer, type StartOptions, startServer } from './server/start.ts'
export { Tokens, type TokensOptions } from './server/tokens.ts'
export { type ProcessRole, processRoles } from './store/fleet.ts'
