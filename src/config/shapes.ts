import { z } from 'zod'

/** A time in seconds, given in milliseconds. */
export const seconds = z
  .string()
  .regex(/^\d+(?:\.\d+)?$/, 'must be a number of seconds, for instance 30')
  .transform((text) => Math.round(Number(text) * 1000))
  .refine((ms) => ms >= 50 && ms <= 30 * 86_400_000, 'must lie between 0.05 seconds and 30 days')

export const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((count) => count >= min && count <= max, `must lie between ${min} and ${max}`)
