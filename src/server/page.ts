import { html, raw } from 'hono/html'
import { isTerminal } from '../execution/machine.ts'
import type { traceOf } from '../projections/trace.ts'
import type { EventView, ExecutionView } from '../projections/view.ts'

/** Everything is escaped by the template; only what was built by it goes in raw. */
function layout(title: string, body: unknown, head: unknown = ''): string {
  const text = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title} · Pawl</title>
<link rel="stylesheet" href="/static/page.css">${head}</head>
<body><header><a href="/">Pawl</a></header><main><h1>${title}</h1>${body}</main></body>
</html>`
  // Only a template that holds a promise gives one, and none of ours does.
  if (text instanceof Promise) throw new Error('a page holds a promise')
  return text
}

/** `goTo` sends the browser on at once. */
export function messagePage(title: string, text: string, goTo?: string): string {
  const head = goTo === undefined ? '' : html`<meta http-equiv="refresh" content="0; url=${goTo}">`
  return layout(title, html`<p>${text}</p>`, head)
}

/** Somebody who did not ask for it can be made to open a link, and cannot be made to press a button. */
export function confirmPage(ticket: string): string {
  return layout(
    'Sign in?',
    html`<p>Sign in only with a link that you have asked for yourself.</p>
<form method="post" action="/signin"><input type="hidden" name="ticket" value="${ticket}"><button>Sign in</button></form>`,
  )
}

const signOut = html`<form method="post" action="/signout"><button>Sign out</button></form>`

export function listPage(executions: readonly ExecutionView[], principal: string): string {
  const rows = executions.map(
    ({ id, state, action, subject, createdAt, lastErrorClass }) => html`<tr>
<td><a href="/executions/${id}">${id}</a></td><td class="state ${state}">${state}</td><td>${action}</td><td>${subject ?? ''}</td>
<td><time>${createdAt}</time></td><td>${lastErrorClass ?? ''}</td></tr>`,
  )
  const table = html`<p>Newest first, as ${principal}. The page looks again by itself.</p>
<table id="list"><thead><tr><th>Execution</th><th>State</th><th>Action</th><th>Subject</th><th>Created</th><th>Last error</th></tr></thead>
<tbody>${rows}</tbody></table>${executions.length === 0 ? html`<p>Nothing has been submitted yet. Try: pawl submit</p>` : ''}${signOut}`
  return layout('Executions', table, html`<meta http-equiv="refresh" content="3">`)
}

export function executionPage({ execution, events, artifacts }: ReturnType<typeof traceOf>): string {
  const { id, state, action, actionVersion, subject, requestedBy, attempt, maxAttempts, result, lastError } = execution
  const facts: readonly [string, string][] = [
    ['Action', `${action} version ${actionVersion}`],
    ['Subject', subject ?? '–'],
    ['Requested by', requestedBy],
    ['Attempt', `${attempt} of ${maxAttempts}`],
    ['Last error', lastError ?? '–'],
    ['Result', result === null ? '–' : JSON.stringify(result)],
  ]
  const files = artifacts.map(
    ({ name, bytes, sha256 }) =>
      html`<li><a href="/v1/executions/${id}/artifacts/${encodeURIComponent(name)}">${name}</a> (${bytes} bytes, SHA-256 <code>${sha256}</code>)</li>`,
  )
  const live = isTerminal(state) ? '' : raw('data-live="events"')
  return layout(
    `Execution ${id}`,
    html`<p class="state ${state}" id="state" role="status">${state}</p>
<dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
<h2>Artifacts</h2>${files.length === 0 ? html`<p>None.</p>` : html`<ul>${files}</ul>`}
<h2>Events</h2>
<table id="events" data-id="${id}" data-after="${events.at(-1)?.sequence ?? 0}" ${live}><thead><tr><th>#</th><th>At</th><th>Event</th><th>State</th><th>By</th><th>Why</th></tr></thead>
<tbody>${events.map(eventRow)}</tbody></table>`,
    script,
  )
}

const eventRow = ({ sequence, at, type, to, principal, reason, errorClass }: EventView) =>
  html`<tr><td>${sequence}</td><td><time>${at}</time></td><td>${type}</td><td>${to}</td><td>${principal}</td><td>${reason ?? errorClass ?? ''}</td></tr>`

const script = html`<script src="/static/live.js" defer></script>`
