import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api'
import { AuthError, NetworkError, RateLimitError, ValidationError } from '../../src/errors/failures.ts'
import { failureOfStatus, failureOfThrown, notApplied } from './http-failure.ts'

const who = 'Slack'

const authErrors = new Set([
  'not_authed',
  'invalid_auth',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'no_permission',
  'missing_scope',
  'not_allowed_token_type',
  'org_login_required',
  'access_denied',
  'ekm_access_denied',
  'team_access_not_granted',
])

// Slack documents of these that some part of the operation may have succeeded.
const openErrors = new Set([
  'fatal_error',
  'internal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
])

/**
 * What an error of the official client means. A refusal by Slack (`ok: false`, 4xx, 429) is wrapped in `NotApplied`;
 * a broken connection, 5xx and the errors that Slack itself calls open stay unwrapped, for the message may have been posted.
 */
export function slackFailure(thrown: unknown, signal: AbortSignal | undefined): Error {
  if (thrown instanceof WebAPIPlatformError) return platformFailure(thrown.data.error)
  if (thrown instanceof WebAPIRateLimitedError)
    return notApplied(new RateLimitError(thrown.message, thrown.retryAfter * 1_000))
  if (thrown instanceof WebAPIHTTPError) {
    const failure = failureOfStatus(who, thrown.statusCode, thrown.statusMessage)
    return thrown.statusCode < 500 && thrown.statusCode !== 408 ? notApplied(failure) : failure
  }
  // The client has no class for a 429 that does not say how long to wait.
  if (thrown instanceof Error && thrown.message.startsWith('Retry header did not contain')) {
    return notApplied(new RateLimitError(`${who} answered 429`))
  }
  return failureOfThrown(who, thrown instanceof WebAPIRequestError ? thrown.original : thrown, signal)
}

function platformFailure(error: string): Error {
  // The client puts a body that is not JSON (a proxy's page) where Slack's error code would be.
  if (!/^[a-z_]{1,100}$/.test(error) || openErrors.has(error))
    return new NetworkError(`Slack answered ${error.slice(0, 200)}`)
  if (error === 'ratelimited' || error === 'rate_limited')
    return notApplied(new RateLimitError(`Slack answered ${error}`))
  if (authErrors.has(error)) return notApplied(new AuthError(`Slack answered ${error}`))
  return notApplied(new ValidationError(`Slack answered ${error}`))
}
