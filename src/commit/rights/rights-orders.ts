import type { ChangedBy, WantedChange } from '../../rights/decide-change.ts'

export type RightsOrder =
  /** Records at an execution that somebody was denied a command on it. */
  | {
      readonly kind: 'denied'
      readonly id: number
      readonly tenant: string
      readonly principal: string
      readonly command: string
      readonly permission: string
    }
  /** Gives a role, takes one back or says what one holds. */
  | {
      readonly kind: 'rights'
      readonly wanted: WantedChange
      readonly by: Omit<ChangedBy, 'now'>
      readonly reason: string
    }
