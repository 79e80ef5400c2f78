import type { Context } from 'hono'
import type { Identity } from '../commands/command.ts'
import { perform } from '../commands/perform.ts'
import { commandNamed } from '../commands/table.ts'
import { isRefusal, toProblem } from '../errors/refusal.ts'
import type { traceOf } from '../projections/trace.ts'
import type { ExecutionView } from '../projections/view.ts'
import { arrivalOf } from './arrival.ts'
import { readBytes } from './body.ts'
import { contextOf, type RouteOptions } from './command-routes.ts'
import { sessionCookie } from './credentials.ts'
import type { App, Variables } from './options.ts'
import { confirmPage, executionPage, listPage, messagePage } from './page.ts'
import { liveScript, styleSheet } from './page-files.ts'

type PageContext = Context<{ Variables: Variables }>

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** A small page for people: what there is, and one execution live. It shows what the API shows, with the same rights. */
export function pageRoutes(app: App, options: RouteOptions): void {
  const { gate, tokens } = options
  app.get('/signin', async (c) => {
    const ticket = c.req.query('ticket') ?? ''
    // A link on somebody else's page could sign a person in as somebody else; one that is only fetched would be used up.
    return isPlainVisit(c.req.raw) ? await signIn(c, ticket) : html(confirmPage(ticket), 200)
  })
  app.post('/signin', async (c) => {
    if (!gate.isOwn(c.req.raw, arrivalOf(c).remoteAddress)) return html(messagePage('Not signed in', foreign), 403)
    const body = await readForm(c.req.raw)
    return await signIn(c, body.get('ticket') ?? '')
  })
  app.post('/signout', async (c) => {
    const caller = await gate.enter(arrivalOf(c), { takesForms: true })
    if (!isRefusal(caller)) await tokens.signOut(caller, false)
    const headers = { 'set-cookie': sessionCookie('', 0, isSecure(c)), 'clear-site-data': '"cache"' }
    return isRefusal(caller) && caller.code !== 'not_signed_in'
      ? html(messagePage('Not signed out', caller.reason), 403)
      : html(messagePage('Signed out', 'Sign in again with: pawl sign-in'), 200, headers)
  })
  app.get('/', (c) =>
    signedIn(c, options, async (caller) => {
      const page = await read<{ items: ExecutionView[] }>(c, options, caller, 'list', c.req.query())
      return typeof page === 'string' ? messagePage('Not shown', page) : listPage(page.items, caller.principal)
    }),
  )
  app.get('/executions/:id', (c) =>
    signedIn(c, options, async (caller) => {
      const trace = await read<ReturnType<typeof traceOf>>(c, options, caller, 'trace', { id: c.req.param('id') })
      return typeof trace === 'string' ? messagePage('Not shown', trace) : executionPage(trace)
    }),
  )
  app.get('/static/live.js', () => asset(liveScript, 'text/javascript'))
  app.get('/static/page.css', () => asset(styleSheet, 'text/css'))

  const isSecure = (c: PageContext): boolean => gate.peer(c.req.raw, arrivalOf(c).remoteAddress).isSecure

  async function signIn(c: PageContext, ticket: string): Promise<Response> {
    const signedIn = await gate.signIn(arrivalOf(c), ticket)
    if (isRefusal(signedIn)) return html(messagePage('Not signed in', `${signedIn.reason} ${signedIn.next}`), 401)
    const cookie = sessionCookie(signedIn.session, signedIn.maxAgeSeconds, isSecure(c))
    // Not a redirect: behind a link from elsewhere, a browser would leave a strict cookie out of it.
    return html(messagePage('Signed in', 'One moment …', '/'), 200, { 'set-cookie': cookie })
  }
}

const foreign = 'The request did not come from a page of this server.'

/** A person who follows a link or types an address, and no fetch ahead of one. */
function isPlainVisit({ method, headers }: Request): boolean {
  const site = headers.get('sec-fetch-site') ?? 'none'
  return method === 'GET' && (site === 'none' || site === 'same-origin') && headers.get('sec-purpose') === null
}

async function readForm(request: Request): Promise<URLSearchParams> {
  const bytes = await readBytes(request, formBytesMax)
  return new URLSearchParams(isRefusal(bytes) ? '' : new TextDecoder().decode(bytes))
}

const formBytesMax = 4_096

async function signedIn(
  c: PageContext,
  { gate }: RouteOptions,
  show: (caller: Identity) => Promise<string>,
): Promise<Response> {
  const caller = await gate.enter(arrivalOf(c))
  if (!isRefusal(caller)) return html(await show(caller), 200)
  const { status } = toProblem(caller)
  const text = status === 401 ? 'Get a link that signs you in, once, with: pawl sign-in' : caller.reason
  return html(messagePage(status === 401 ? 'Not signed in' : 'Not shown', text), status)
}

/** The answer of a command, or the sentence that says why there is none. */
async function read<T>(
  c: PageContext,
  options: RouteOptions,
  caller: Identity,
  name: string,
  input: unknown,
): Promise<T | string> {
  const context = contextOf(options, caller, c.get('traceId'), c.req.raw.signal)
  const result = await perform(commandNamed(name), input, context)
  return isRefusal(result) ? `${result.reason} ${result.next}` : (result as T)
}

const html = (text: string, status: number, headers: Record<string, string> = {}): Response =>
  new Response(text, {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy, ...headers },
  })

const asset = (text: string, type: string): Response =>
  new Response(text, { headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'max-age=60' } })
