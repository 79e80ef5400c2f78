/** The refusals of permits, in the manner of `codes.ts`. */
export const permitCodes = {
  invalid_permits: {
    http: 422,
    exit: 2,
    why: 'A lock, a limit or a rate cannot be kept as it was asked for.',
    next: 'Use keys of 1 to 255 characters, at most 64 of them, and whole numbers from 1.',
  },
  permit_busy: {
    http: 409,
    exit: 5,
    why: 'Another step or execution holds the permit that the step needs; the step stands in line for it.',
    next: 'Ask again after a while; `pawl lock get <key>` shows the holder and the line.',
  },
  permit_deadlock: {
    http: 409,
    exit: 5,
    why: 'Waiting for this permit would never end: its holder waits for this execution.',
    next: 'Let the step fail, or take all permits of a run together with `locks` of the action.',
  },
} as const
