/** The part of the story that concerns policies, with everything that can be said in each command. */
import type { Api } from './operations-story.ts'

type Ask = (api: Api) => Promise<unknown>
type Name =
  | 'policy list'
  | 'policy get'
  | 'policy diff'
  | 'policy simulate'
  | 'policy set'
  | 'policy rollback'
  | 'flag list'
  | 'flag set'

export const policing = (refused: (asked: Promise<unknown>) => Promise<unknown>): readonly (readonly [Name, Ask])[] => [
  ['policy get', (api) => api.policies.get()],
  [
    'policy set',
    (api) =>
      api.policies.set(
        { approvals: [{ name: 'sums', when: { actions: ['demo.a*'] }, require: { level: 'confirm' } }] },
        'money',
        { ifVersion: 1 },
      ),
  ],
  ['policy set', (api) => refused(api.policies.set({}, 'late', { ifVersion: 1 }))],
  ['policy set', (api) => refused(api.policies.set({ flags: { '': true } }, 'nonsense'))],
  ['policy simulate', async (api) => (await api.policies.simulate({}, { sample: 500 })).version],
  ['policy simulate', (api) => refused(api.policies.simulate({ limits: { queueMax: 0 } }))],
  ['flag set', (api) => api.policies.setFlag('live', true, 'begin', { ifVersion: 2 })],
  ['flag set', (api) => refused(api.policies.setFlag('7', true, 'begin'))],
  ['flag list', (api) => api.policies.flags()],
  ['policy diff', (api) => api.policies.diff(2, 3)],
  ['policy diff', (api) => refused(api.policies.diff(9))],
  ['policy get', (api) => api.policies.get(2)],
  ['policy get', (api) => refused(api.policies.get(9))],
  ['policy rollback', (api) => api.policies.rollback(1, 'enough', { ifVersion: 3 })],
  ['policy rollback', (api) => refused(api.policies.rollback(9, 'what'))],
  ['policy list', (api) => api.policies.list({ limit: 2 })],
  ['policy list', (api) => api.policies.list({ cursor: '3' })],
  ['policy list', (api) => refused(api.policies.list({ cursor: 'x' }))],
]
