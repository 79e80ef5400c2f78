import { expect, test } from 'vitest'
import { parseQuery } from './query.ts'

test('a query names fields and values; what follows the first colon is the value', () => {
  expect(parseQuery('state:failed,expired action:crm.sync_quote subject:quote:Q-42 key:"two words" limit:20')).toEqual({
    states: ['failed', 'expired'],
    action: 'crm.sync_quote',
    subject: 'quote:Q-42',
    key: 'two words',
    limit: 20,
    cursor: undefined,
  })
})

test.each([
  'nonsense',
  'colour:red',
  'state:gone',
  'state:',
  'limit:0',
  'limit:x',
  'state:failed state:queued',
  '__proto__:1',
])('the query %s is refused with what can be written instead', (text) => {
  expect(parseQuery(text)).toMatchObject({
    refused: true,
    code: 'invalid_input',
    next: expect.stringContaining('field:value'),
  })
})
