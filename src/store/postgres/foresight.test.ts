import { expect, test } from 'vitest'
import type { Connection } from './connection.ts'
import { Foresight } from './foresight.ts'

function connection() {
  const asked: string[] = []
  const all = async (name: string, ...values: unknown[]) => {
    asked.push([name, ...values].join(' '))
    return [[name]]
  }
  return { asked, connection: { all } as unknown as Connection }
}

test('behind another writer’s turn the questions that will be asked go along with the beginning of the next one', async () => {
  const foresight = new Foresight()
  const { asked, connection: to } = connection()
  void foresight.find('rights', [7])
  foresight.ask(to)
  expect(asked).toEqual([])
  foresight.expect(true)
  foresight.ask(to)
  expect(asked).toContain('queues')
  expect(asked).toContain('rights 7')
  expect(await foresight.find('queues', [])).toEqual([['queues']])
  expect(foresight.find('rights', [8])).toBeUndefined()
  expect(foresight.find('executions', [[1]])).toBeUndefined()
  foresight.forget()
  expect(foresight.find('queues', [])).toBeUndefined()
  foresight.expect(false)
  foresight.ask(to)
  expect(asked.filter((name) => name === 'queues')).toHaveLength(1)
})
