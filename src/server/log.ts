import { type Logger as Pino, pino } from 'pino'
import type { Clock } from '../time/clock.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'
export type Fields = Readonly<Record<string, unknown>>

export interface Log {
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
  error(fields: Fields, message: string): void
  /** The log of one part of the program, with a level of its own where one is set. */
  module(name: string): Log
}

export interface LogOptions {
  /** Least level, also per module: `info,server=debug`. */
  readonly level: string
  readonly clock: Pick<Clock, 'now'>
  /** Takes one line of JSON at a time; standard error by default. */
  readonly write?: (line: string) => void
  /** Values that must never be written, whatever they appear in. */
  readonly secrets?: Iterable<string>
}

/** JSON lines. Secrets are masked in the finished line, so that no caller can forget to. */
export function createLog({ level, clock, write, secrets = [] }: LogOptions): Log {
  const [least = 'info', ...perModule] = level.split(',')
  const levels = new Map(perModule.map((entry) => entry.split('=') as [string, string]))
  const mask = masking(secrets)
  const sink = write ?? ((line: string) => void process.stderr.write(line))
  const root = pino(
    {
      level: least,
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => sink(mask(line)) },
  )
  const wrap = (logger: Pino): Log => ({
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    module: (name) => wrap(logger.child({ module: name }, { level: levels.get(name) ?? least })),
  })
  return wrap(root)
}

/** Shorter values would hide half of every line. */
const secretLengthMin = 6

/** Hides tokens, credentials of `Authorization` and the given values in a line of JSON. */
export function masking(secrets: Iterable<string>): (line: string) => string {
  const known = [...secrets]
    .filter((secret) => secret.length >= secretLengthMin)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
    .sort((a, b) => b.length - a.length)
  const values = new Set(known)
  return (line) => {
    let masked = line
      .replace(/\bpawl_([0-9a-z]{12})_[0-9A-Za-z]+/g, 'pawl_$1_[masked]')
      .replace(/\b(pawl[ls])_[\w-]{43}/g, '$1_[masked]')
      .replace(/\b(Bearer|Basic)\s+[^\s"\\,]+/gi, '$1 [masked]')
      .replace(/([?&]ticket=)[\w-]+/g, '$1[masked]')
    for (const value of values) if (masked.includes(value)) masked = masked.replaceAll(value, '[masked]')
    return masked
  }
}
