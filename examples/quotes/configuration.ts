import { ValidationError } from '../../src/errors/failures.ts'

/** The settings of the quote actions that are no secrets; tokens arrive as secrets of the action. */
export const settings = {
  PAWL_CRM_URL: 'base address of the CRM, such as https://crm.example.com/api',
  PAWL_SLACK_API_URL: 'address of the Slack Web API, such as https://slack.com/api/',
  PAWL_SLACK_CHANNEL: 'id of the Slack channel, such as C024BE91L',
} as const

/** @throws ValidationError when the environment does not set it: no attempt can succeed before somebody does. */
export function setting(name: keyof typeof settings, environment: NodeJS.ProcessEnv = process.env): string {
  const value = environment[name]
  if (value === undefined || value === '') throw new ValidationError(`${name} is not set (${settings[name]})`)
  if (name.endsWith('_URL') && !/^https?:$/.test(URL.parse(value)?.protocol ?? '')) {
    throw new ValidationError(`${name} is not an http or https address (${settings[name]})`)
  }
  return value
}
