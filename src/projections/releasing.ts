import { pauseOfLine } from '../claim/select.ts'
import { isPlaceOf } from '../store/place.ts'
import type { Found, Views } from '../store/store.ts'
import type { Parking } from './locks.ts'

/** The pause that held it back has ended, and the letting go has not come to it yet: at what pace, and its own place. */
export async function releasingOf(views: Views, { execution }: Found): Promise<Parking | null> {
  const place = await views.parkedAt(execution.id)
  if (place === null || isPlaceOf(place.parked.key) !== 'pause') return null
  const release = (await views.releases()).find(({ key }) => key === pauseOfLine(place.parked.key))
  if (release === undefined) return null
  const { scope, value, pacePerSecond } = release
  const what = scope === 'all' ? 'everything' : `${scope} ${value}`
  return {
    why: `The pause of ${what} has ended and lets ${pacePerSecond} a second go, in order, as fast as workers begin it; it is number ${place.before + 1} in line.`,
    next: 'Wait; its deadline does not run meanwhile. For another pace: pawl pause, then pawl unpause --pace N',
  }
}
