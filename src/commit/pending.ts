import type { ClaimOrder } from './due/claims.ts'
import type { Answer, Order } from './order.ts'

/** An order that waits for its commit. */
export interface Pending {
  readonly order: Order
  readonly answer: (answer: Answer) => void
  readonly fail: (error: Error) => void
  /** One half of an order that failed as a whole. */
  readonly isPart?: true | undefined
}

/** A claim that waits for work. */
export interface StandingClaim {
  readonly order: ClaimOrder
  readonly answer: (answer: Answer) => void
  readonly until: number
}

/** Called once the store is had, where that took a while: adds whoever has come meanwhile. */
export type Join = () => void
