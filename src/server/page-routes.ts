import type { Context } from 'hono'
import type { Identity } from '../commands/command.ts'
import { perform } from '../commands/perform.ts'
import { commandNamed } from '../commands/table.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { traceOf } from '../projections/trace.ts'
import type { ExecutionView } from '../projections/view.ts'
import { contextOf, type RouteOptions } from './command-routes.ts'
import { identify, sessionCookie } from './identify.ts'
import type { App, Variables } from './options.ts'
import { executionPage, listPage, messagePage } from './page.ts'
import { liveScript, styleSheet } from './page-files.ts'

type PageContext = Context<{ Variables: Variables }>

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** A small page for people: what there is, and one execution live. It shows what the API shows, with the same rights. */
export function pageRoutes(app: App, options: RouteOptions): void {
  app.get('/signin', async (c) => {
    const signedIn = await options.tokens.sessions.signIn(c.req.query('ticket') ?? '')
    if (isRefusal(signedIn)) return html(messagePage('Not signed in', `${signedIn.reason} ${signedIn.next}`), 401)
    const secure = new URL(c.req.url).protocol === 'https:' ? '; Secure' : ''
    const cookie = `${sessionCookie}=${signedIn.session}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${signedIn.maxAgeSeconds}${secure}`
    // Not a redirect: behind a link from elsewhere, a browser would leave a strict cookie out of it.
    return html(messagePage('Signed in', 'One moment …', '/'), 200, { 'set-cookie': cookie })
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
}

async function signedIn(
  c: PageContext,
  { tokens }: RouteOptions,
  show: (caller: Identity) => Promise<string>,
): Promise<Response> {
  const caller = await identify(c.req.raw, tokens)
  if (!isRefusal(caller)) {
    c.set('principal', caller.principal)
    return html(await show(caller), 200)
  }
  return html(messagePage('Not signed in', 'Get a link that signs you in, once, with: pawl sign-in'), 401)
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
