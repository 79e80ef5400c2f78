/** The two files of the page. No framework, no source from elsewhere. */
export const styleSheet = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 75rem; padding: 0 1rem 3rem; }
header { border-bottom: 1px solid #8886; padding: .75rem 0; font-weight: 600; }
header a { color: inherit; text-decoration: none; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid #8883; vertical-align: top; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; } code { overflow-wrap: anywhere; }
.state { font-weight: 600; }
.succeeded { color: #15803d; } .failed, .expired { color: #b91c1c; } .running { color: #1d4ed8; }
.waiting, .retryable_failed { color: #a16207; } .canceled { opacity: .7; }
@media (prefers-color-scheme: dark) { .succeeded { color: #4ade80; } .failed, .expired { color: #f87171; } .running { color: #93c5fd; } .waiting, .retryable_failed { color: #facc15; } }
`

export const liveScript = `
'use strict';
const table = document.querySelector('[data-live]');
if (table) follow(table);

function follow(table) {
  const source = new EventSource('/v1/executions/' + table.dataset.id + '/stream?after=' + table.dataset.after);
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    const row = table.tBodies[0].insertRow();
    for (const text of [event.sequence, event.at, event.type, event.to, event.principal, event.reason || event.errorClass || '']) {
      row.insertCell().textContent = String(text);
    }
    const state = document.getElementById('state');
    state.textContent = event.to;
    state.className = 'state ' + event.to;
  };
  source.addEventListener('end', () => { source.close(); location.reload(); });
}
`
