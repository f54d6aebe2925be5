import uPlot from './webjars/uplot/dist/uPlot.esm.js';

// The service may be below a path.
const BASE = new URL('.', import.meta.url).pathname.replace(/\/$/, '');
const JOBS = `${BASE}/api/v1/jobs`;
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Three digits and an SI prefix, as the pages write them. */
function si(v) {
  if (v == null || !Number.isFinite(v)) return v == null ? '' : String(v);
  if (v === 0) return '0';
  const power = Number(v.toExponential(2).split('e')[1]);
  if (power < -3 || power >= 15) return v.toExponential(2).replace(/\.?0*e\+?/, 'e');
  const prefix = Math.max(0, Math.floor(power / 3));
  return +(v / 1000 ** prefix).toPrecision(3) + (prefix ? '\u202f' + ' kMGT'[prefix] : '');
}

function notice(text) {
  const place = document.getElementById('notice');
  place.textContent = text;
  place.hidden = !text;
}

/**
 * Listens to a stream of events. Not while the page is hidden, as a browser opens only six connections to one
 * server; url() is asked again then, and may say where to go on. Where the service has no stream to give, poll() is
 * called every few seconds instead. Returns what ends it.
 */
function listen(url, handlers, poll) {
  let source = null, again, lost = false;
  function open() {
    source = new EventSource(url());
    source.onopen = () => {
      if (lost) notice('');
      lost = false;
    };
    for (const [event, handle] of Object.entries(handlers)) {
      source.addEventListener(event, news => handle(JSON.parse(news.data), news.lastEventId));
    }
    source.onerror = () => {
      lost = true;
      // The browser reconnects by itself, unless the service responded with something other than an event stream.
      if (source?.readyState !== EventSource.CLOSED) {
        notice('The connection to the service was lost; reconnecting.');
        return;
      }
      notice('Live updates are not available at the moment; the page refreshes every few seconds instead.');
      again = setTimeout(() => { poll(); open(); }, 3000);
    };
  }
  function close() {
    clearTimeout(again);
    source?.close();
    source = null;
  }
  const turn = () => document.hidden ? close() : source ?? open();
  document.addEventListener('visibilitychange', turn);
  turn();
  return () => { close(); document.removeEventListener('visibilitychange', turn); };
}

/**
 * Calls at once, and again if asked meanwhile, but not before some time has passed: on a slow machine more, so that the
 * browser has four fifths of its time for whoever reads and presses.
 */
function gently(call, leastMs = 1000) {
  let waiting = false, wanted = false;
  return function ask() {
    if (waiting) { wanted = true; return; }
    waiting = true; wanted = false;
    const began = performance.now();
    call();
    // Waits for the next frame, in which the changes are laid out and painted.
    requestAnimationFrame(() => setTimeout(() => setTimeout(() => {
      waiting = false;
      if (wanted) ask();
    }, Math.max(leastMs, 4 * (performance.now() - began)))));
  };
}

/** A part of the page that is fetched again when a job changes. */
function live(element) {
  const refresh = gently(() => htmx.trigger(`#${element.id}`, 'refresh'));
  listen(() => element.dataset.live, { job: refresh, list: refresh }, refresh);
}

/** A chart as wide as its figure; curves: [{label, colour, width, dash}]. */
function chart(parent, title, curves, options = {}) {
  const figure = parent.appendChild(document.createElement('figure'));
  figure.appendChild(document.createElement('figcaption')).textContent = title;
  const axis = values => ({ stroke: css('--muted'), font: '12px system-ui, "DejaVu Sans", sans-serif', grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, ...values });
  const decade = v => Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-9;
  const y = options.log ? { distr: 3 } : { range: (u, min, max) => [0, max > 0 ? max * 1.05 : 1] };
  const size = () => ({ width: Math.max(200, figure.clientWidth - 32), height: 240 });
  const plot = new uPlot({
    ...size(), cursor: { sync: { key: 'epochs' } }, scales: { x: { time: false }, y },
    axes: [axis({ size: 30, space: 60, incrs: Array.from({ length: 9 }, (_, p) => [1, 2, 5].map(n => n * 10 ** p)).flat() }),
      axis({ size: 58, ...(options.log ? { grid: { stroke: css('--line'), width: 1, filter: (u, ticks) => ticks.map(v => decade(v) ? v : null) } } : {}), values: (u, ticks) => ticks.map(v => v == null ? '' : options.percent ? `${+(100 * v).toFixed(1)}\u202f%` : si(v)) })],
    series: [{ label: 'epoch', value: (u, v) => v ?? '' }, ...curves.map(c => ({
      label: c.label, stroke: css(c.colour), width: c.width ?? 1.5, dash: c.dash, spanGaps: true, points: { show: u => u.data[0].length === 1, fill: css(c.colour) },
      value: (u, v) => v == null ? '' : options.percent ? `${(100 * v).toFixed(1)}\u202f%` : si(v) }))],
  }, [[], ...curves.map(() => [])], figure);
  // Hidden from screen readers, because the figures and tables of the page contain the same data.
  plot.root.querySelector('canvas').setAttribute('aria-hidden', 'true');
  new ResizeObserver(() => plot.setSize(size())).observe(figure);
  return plot;
}

const colour = i => `--c${i % 6}`;
const dash = i => [undefined, [8, 3], [2, 3]][Math.floor(i / 6) % 3];
const fetchEpochs = (id, query) => fetch(`${JOBS}/${id}/epochs?${query}`).then(r => r.json());
const positive = v => v > 0 ? v : null;

/** Whether a logarithmic axis tells more: everything is above 0, and it spans more than two powers of ten. */
function spans(values) {
  const finite = values.filter(v => v != null && Number.isFinite(v) && v > 0);
  return finite.length > 1 && Math.max(...finite) > 100 * Math.min(...finite);
}

/** The charts of one job, drawn further as its epochs arrive. */
function follow(section) {
  const MOST = 2000;
  const url = `${JOBS}/${section.dataset.job}`;
  const names = new Map([...section.querySelectorAll('data')].map(layer => [layer.value, layer.textContent]));
  const empty = section.querySelector('p');
  const state = () => document.getElementById('summary').dataset;
  const refresh = gently(() => htmx.trigger('#summary', 'refresh'));
  let epochs = [], charts = [], drawn = null, attempt = null, following = false, last = null, end = null;

  function layout() {
    const [first] = epochs, target = +state().target || null;
    const layers = (part, figure) => Object.keys(first[part]).map((name, i) =>
      ({ label: names.get(name) ?? name, colour: colour(i), dash: dash(i), of: e => e[part][name][figure] }));
    const log = spans(epochs.map(e => e.loss));
    const kinds = [
      ['Synops per sample', [{ label: 'model', colour: '--text', width: 2.5, of: e => e.synops },
        ...(target ? [{ label: 'target', colour: '--target', dash: [6, 4], width: 2, of: () => target }] : []), ...layers('parameter', 'synops')]],
      ['Firing rate (spikes per neuron per time step)', [{ label: 'model', colour: '--text', width: 2.5, of: e => e.firing_rate }, ...layers('spiking', 'firing_rate')]],
      ['Loss' + (log ? ', logarithmic' : ''), [{ label: 'loss', colour: '--c0', width: 2, of: e => log ? positive(e.loss) : e.loss }], { log }],
    ];
    if (first.accuracy != null) {
      kinds.push(['Accuracy', [{ label: 'training', colour: '--c0', width: 2, of: e => e.accuracy },
        ...(first.test_accuracy == null ? [] : [{ label: 'test', colour: '--c1', width: 2, of: e => e.test_accuracy }])], { percent: true }]);
    }
    section.replaceChildren();
    charts = kinds.map(([title, curves, options]) => ({ plot: chart(section, title, curves, options), curves }));
    drawn = `${target} ${log}`;
  }

  const redraw = gently(() => {
    if (!epochs.length) {
      section.replaceChildren(empty);
      charts = [];
      return;
    }
    while (epochs.length > MOST) epochs = epochs.filter((e, i) => i % 2 === 0 || i === epochs.length - 1);
    if (!charts.length || drawn !== `${+state().target || null} ${spans(epochs.map(e => e.loss))}`) layout();
    charts.forEach(({ plot, curves }) => plot.setData([epochs.map(e => e.epoch), ...curves.map(c => epochs.map(c.of))]));
  }, 200);

  function add(epoch) {
    if (epoch.epoch > (epochs.at(-1)?.epoch ?? -1)) {
      epochs.push(epoch);
      redraw();
    }
  }

  async function poll() {
    // A job that had ended before the request has no further epochs after its response.
    const over = state().final === 'true';
    refresh();
    const { data } = await fetchEpochs(section.dataset.job, `after=${epochs.at(-1)?.epoch ?? -1}&limit=10000`);
    data?.forEach(add);
    if (over) {
      end?.();
      following = false;
      notice('');
    }
  }

  /** Takes what there is, and goes on from there. */
  async function start() {
    end?.();
    last = state().event;
    const started = attempt = state().attempt;
    following = state().final === 'false';
    const { data } = await fetchEpochs(section.dataset.job, 'max_points=1000&limit=2001');
    if (started !== attempt) return;
    epochs = data;
    redraw();
    if (following) {
      end = listen(() => `${url}/events?cursor=${last}`, {
        epoch: (epoch, id) => { last = id; add(epoch); refresh(); },
        state: (change, id) => { last = id; refresh(); },
        end: () => { end?.(); following = false; refresh(); },
      }, poll);
    }
  }

  document.body.addEventListener('htmx:afterSettle', event => {
    if (event.detail.target?.id !== 'summary' && event.target.id !== 'summary') return;
    if (state().attempt !== attempt || (state().final === 'false' && !following)) start();
    else redraw();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { charts = []; redraw(); });
  start();
}

/** Several jobs in the same charts. */
function compare(section) {
  const jobs = [...section.querySelectorAll('data')].map(job => ({ id: job.value, name: job.textContent, baseline: +job.dataset.baseline || null, epochs: [] }));
  const kinds = [['Synops per sample', (e, job) => e.synops], ['Synops relative to the untrained network', (e, job) => job.baseline && e.synops / job.baseline],
    ['Firing rate (spikes per neuron per time step)', e => e.firing_rate], ['Loss, logarithmic', e => positive(e.loss), { log: true }],
    ['Accuracy', e => e.test_accuracy ?? e.accuracy, { percent: true }]];

  function draw() {
    section.replaceChildren();
    for (const [title, of, options] of kinds) {
      const some = jobs.filter(job => job.epochs.some(e => of(e, job) != null));
      if (!some.length) continue;
      const plot = chart(section, title, some.map(job => ({ label: job.name, colour: colour(jobs.indexOf(job)), dash: dash(jobs.indexOf(job)), width: 2 })), options);
      plot.setData(uPlot.join(some.map(job => [job.epochs.map(e => e.epoch), job.epochs.map(e => of(e, job))])));
    }
  }

  async function load() {
    await Promise.all(jobs.map(async job => {
      job.epochs = (await fetchEpochs(job.id, 'max_points=500&limit=1001')).data;
      // Items of the job list have no baseline, and a queued job has none yet.
      job.baseline ??= (await fetch(`${JOBS}/${job.id}?fields=baseline.synops`).then(r => r.json())).baseline?.synops ?? null;
    }));
    draw();
  }
  load();
  const reload = gently(load);
  listen(() => `${JOBS}/events?limit=200`, { job: job => {
    const known = jobs.find(one => one.id === job.id);
    if (known && job.latest && job.latest.epoch !== known.epochs.at(-1)?.epoch) {
      reload();
    }
  } }, reload);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
}

const numeric = text => text.trim() === '' ? undefined : isNaN(text) ? text : Number(text);

function parsed(text, pointer) {
  try {
    return JSON.parse(text);
  } catch (e) {
    throw { errors: [{ pointer, detail: `the body is not valid JSON: ${e.message}` }] };
  }
}

async function post(url, body, type = 'application/json') {
  const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body });
  const content = await answer.json();
  if (!answer.ok) throw content;
  return content;
}

/** The job that the form describes; a printed model is stored first, because only the service can read it. */
async function describe(field) {
  const job = {};
  for (const name of ['epochs', 'batch_size', 'time_steps', 'seed']) job[name] = numeric(field[name].value);
  job.name = field.name.value;
  job.optimizer = { type: 'adam', learning_rate: numeric(field.learning_rate.value) };
  if (field.multiple.value.trim()) {
    job.loss = [{ type: 'synops', mode: 'track', target: { baseline_multiple: numeric(field.multiple.value) } }];
  }
  const more = field.more.value.trim() ? parsed(field.more.value, '') : {};
  const model = field.model.value.trim();
  if (!more.model) {
    if (model.startsWith('{')) {
      job.model = parsed(model, '/model');
    } else {
      const shape = field.input_shape.value.replace(/[^\d,]/g, '');
      try {
        job.model = { id: (await post(`${BASE}/api/v1/models?input_shape=${shape}`, model, 'text/plain')).id };
      } catch (problem) {
        const errors = problem.errors?.length ? problem.errors : [{ pointer: '', detail: problem.detail }];
        throw { ...problem, errors: errors.map(e => ({ ...e, pointer: '/model' + e.pointer })) };
      }
    }
  }
  return { ...job, ...more };
}

/** Puts every mistake at the field that it is about: the one with the longest pointer that leads to it. */
function show(form, problem) {
  const fields = [...form.querySelectorAll('[data-pointer]')].sort((a, b) => b.dataset.pointer.length - a.dataset.pointer.length);
  const mistakes = problem.errors ?? [];
  document.getElementById('problem').textContent = mistakes.length ? '' : problem.detail ?? 'The service cannot be reached.';
  for (const { pointer, detail } of mistakes) {
    const field = fields.find(f => (pointer + '/').startsWith(f.dataset.pointer + '/'));
    const message = field.closest('label').appendChild(document.createElement('span'));
    message.className = 'error';
    message.id = `${field.name}-error`;
    message.textContent = `${pointer.slice(field.dataset.pointer.length + 1)} ${detail}`.trim();
    field.setAttribute('aria-invalid', 'true');
    field.setAttribute('aria-describedby', message.id);
  }
  form.querySelector('[aria-invalid]')?.focus();
}

function clear(form) {
  form.querySelectorAll('label .error').forEach(e => e.remove());
  form.querySelectorAll('[aria-invalid]').forEach(e => { e.removeAttribute('aria-invalid'); e.removeAttribute('aria-describedby'); });
  document.getElementById('problem').textContent = '';
  document.getElementById('estimate').textContent = '';
}

function submission(form) {
  form.addEventListener('submit', async event => {
    event.preventDefault();
    clear(form);
    const dryRun = event.submitter?.name === 'dry_run';
    const buttons = form.querySelectorAll('button');
    buttons.forEach(button => { button.disabled = true; });
    try {
      const answer = await post(dryRun ? `${JOBS}?dry_run=true` : JOBS, JSON.stringify(await describe(form.elements)));
      if (dryRun) {
        document.getElementById('estimate').textContent = `The job is valid: ${si(answer.baseline.synops)} synops per sample before training`
          + (answer.target_synops ? `, target ${si(answer.target_synops)}` : '') + `; needs about ${si(answer.memory_bytes)}B of memory.`;
      } else {
        location.href = `${BASE}/jobs/${answer.id}`;
      }
    } catch (problem) {
      show(form, problem);
    } finally {
      buttons.forEach(button => { button.disabled = false; });
    }
  });
}

/**
 * What a button asks of the service. The page listens, not the button: the part with the button may be fetched again
 * before the click is served or answered, and a refusal has to be seen all the same.
 */
document.body.addEventListener('click', async event => {
  const button = event.target.closest('[data-post]');
  if (!button) return;
  try {
    await post(button.dataset.post);
    notice('');
  } catch (problem) {
    notice(problem.detail ?? 'The service cannot be reached.');
  }
  htmx.trigger('#summary', 'refresh');
});

async function send(method, url, body) {
  const answer = await fetch(url, { method, headers: body ? { 'Content-Type': 'application/merge-patch+json' } : {}, body });
  if (!answer.ok) throw await answer.json();
}

document.body.addEventListener('click', async event => {
  const button = event.target.closest('[data-rename], [data-delete], [data-create]');
  if (!button) return;
  try {
    if (button.dataset.create) {
      location.href = button.dataset.then + (await post(button.dataset.create)).id;
    } else if (button.dataset.rename) {
      const name = prompt('New name; leave empty for none', button.dataset.name ?? '');
      if (name === null) return;
      await send('PATCH', button.dataset.rename, JSON.stringify({ name: name || null }));
      location.reload();
    } else if (confirm('Delete this resource and its weights?')) {
      await send('DELETE', button.dataset.delete);
      location.href = button.dataset.then;
    }
  } catch (problem) {
    notice(problem.detail ?? 'The service cannot be reached.');
  }
});

// An element that is being pressed is not replaced, or its click would be lost; the next refresh updates it.
document.body.addEventListener('htmx:beforeSwap', event => {
  if (event.detail.target.matches(':active')) event.detail.shouldSwap = false;
});

const on = (id, start) => { const element = document.getElementById(id); if (element) start(element); };
document.querySelectorAll('[data-live]').forEach(live);
on('curves', follow);
on('comparison', compare);
on('submit', submission);
