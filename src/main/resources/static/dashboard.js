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

/** The raster of a sample's spikes, which the service draws when the part of the page is opened or its form changes. */
function raster(element) {
  const form = element.querySelector('form'), image = element.querySelector('img'), status = element.querySelector('[role=status]');
  const links = element.querySelectorAll('a[data-type]');
  let asked = '';
  function draw() {
    const chosen = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== '')).toString();
    if (!element.open || chosen === asked || !form.checkValidity()) return;
    asked = chosen;
    const url = `${element.dataset.raster}?${chosen}`;
    const [sample, layer] = [form.elements.sample.value, form.elements.layer.value];
    status.textContent = 'Drawing …';
    image.onload = () => {
      status.textContent = '';
      image.alt = `Spikes of ${sample ? `sample ${sample}` : 'the first sample'} in layer ${layer}, by time step and neuron; the JSON document has them as numbers`;
      show(true);
    };
    image.onerror = async () => {
      show(false);
      asked = '';
      const response = await fetch(url);
      status.textContent = response.ok ? 'The raster could not be drawn.' : (await response.json()).detail;
    };
    links.forEach(link => link.href = `${element.dataset.values}${link.dataset.type === 'npz' ? '.npz' : ''}?${chosen}`);
    image.src = url;
  }
  function show(drawn) {
    image.parentElement.hidden = !drawn;
    links[0].parentElement.hidden = !drawn;
  }
  element.addEventListener('toggle', draw);
  form.addEventListener('change', draw);
  form.addEventListener('submit', event => { event.preventDefault(); asked = ''; draw(); });
}

/** A part of the page that is fetched again when a job changes. */
function live(element) {
  const refresh = gently(() => htmx.trigger(`#${element.id}`, 'refresh'));
  listen(() => element.dataset.live, { job: refresh, list: refresh }, refresh);
}

/** Times of the service are UTC; a reader's clock is not. The text that the service sent stays as the title. */
const LOCAL_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
function localize() {
  for (const time of document.querySelectorAll('time[datetime]:not([title])')) {
    time.title = time.textContent;
    time.textContent = LOCAL_TIME.format(new Date(time.dateTime));
  }
}

/** What a reader chose, kept in the browser; a browser that keeps nothing gives the default. */
const choice = {
  get(name, otherwise) {
    try { return JSON.parse(localStorage.getItem(`spikewise.${name}`)) ?? otherwise; } catch { return otherwise; }
  },
  set(name, value) {
    try { localStorage.setItem(`spikewise.${name}`, JSON.stringify(value)); } catch { /* It is chosen for this page alone. */ }
  },
};

/** What all charts of a page share: the form of their axes, smoothing, the epochs they show, and curves that are hidden. */
const view = { axis: 'fit', smoothing: 0, zoom: null, charts: new Set(), hidden: new Set() };

function zoomTo(min, max) {
  view.zoom = max > min ? { min, max } : null;
  for (const { plot } of view.charts) {
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    plot.setScale('x', view.zoom ?? { min: plot.data[0][0] ?? 0, max: plot.data[0].at(-1) ?? 1 });
  }
  const button = document.getElementById('whole-range');
  if (button) button.disabled = !view.zoom;
}

/** The choices above the charts; redraw() draws all of them again. */
function tools(redraw) {
  const place = document.getElementById('tools');
  place.hidden = false;
  for (const name of ['axis', 'smoothing']) {
    const select = place.querySelector(`[name=${name}]`);
    select.value = choice.get(name, select.value);
    const take = () => { view[name] = name === 'axis' ? select.value : Number(select.value); };
    take();
    select.addEventListener('change', () => { take(); choice.set(name, select.value); redraw(); });
  }
  document.getElementById('whole-range').addEventListener('click', () => zoomTo());
}

/** Exponential moving average over epochs: after view.smoothing epochs, the weight of a value has fallen to 1/e. */
function smooth(epochs, values) {
  if (!view.smoothing) return values;
  let mean = null, last = 0;
  return values.map((v, i) => {
    if (v == null || !Number.isFinite(v)) return v;
    mean = mean == null ? v : mean + (v - mean) * (1 - Math.exp((last - epochs[i]) / view.smoothing));
    last = epochs[i];
    return mean;
  });
}

/** Range of an axis that leaves a little room around the data, and does not go below 0 for what is never negative. */
function fitted(min, max) {
  if (min == null) return [0, 1];
  const room = .06 * (max - min || Math.abs(max) || 1);
  return [min >= 0 ? Math.max(0, min - room) : min - room, max + room];
}

/**
 * A chart as wide as its figure; curves: [{label, colour, width, dash, far}], where a far one does not widen a fitted
 * axis. Dragging across it, or + and -, zooms all charts of the page; the arrow keys read the values epoch by epoch.
 */
function chart(parent, title, curves, options = {}) {
  const figure = parent.appendChild(document.createElement('figure'));
  const log = options.log ?? view.axis === 'log';
  const caption = title + (log ? ', logarithmic' : '') + (view.smoothing ? `, smoothed over ${view.smoothing} epochs` : '');
  figure.appendChild(document.createElement('figcaption')).textContent = caption;
  const axis = values => ({ stroke: css('--muted'), font: '12px system-ui, "DejaVu Sans", sans-serif', grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, ...values });
  const decade = v => Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-9;
  const text = v => v == null ? '' : options.percent ? `${(100 * v).toFixed(1)}\u202f%` : si(v);
  const y = log ? { distr: 3 } : { range: (u, min, max) => view.axis === 'zero' ? [Math.min(0, min ?? 0), max > 0 ? max * 1.05 : 1] : fitted(min, max) };
  const size = () => ({ width: Math.max(200, figure.clientWidth - 32), height: 240 });
  const name = c => `${title}/${c.label}`;
  const plot = new uPlot({
    ...size(), scales: { x: { time: false }, y },
    cursor: { sync: { key: 'epochs' }, drag: { setScale: false }, bind: { dblclick: () => () => zoomTo() } },
    axes: [axis({ size: 30, space: 60, incrs: Array.from({ length: 9 }, (_, p) => [1, 2, 5].map(n => n * 10 ** p)).flat() }),
      axis({ size: 58, ...(log ? { grid: { stroke: css('--line'), width: 1, filter: (u, ticks) => ticks.map(v => decade(v) ? v : null) } } : {}), values: (u, ticks) => ticks.map(v => v == null ? '' : options.percent ? `${+(100 * v).toFixed(1)}\u202f%` : si(v)) })],
    series: [{ label: 'epoch', value: (u, v) => v ?? '' }, ...curves.map(c => ({
      label: c.label, stroke: css(c.colour), width: c.width ?? 1.5, dash: c.dash, spanGaps: true, auto: !c.far || view.axis !== 'fit', show: !view.hidden.has(name(c)),
      points: { show: u => u.data[0].length === 1, fill: css(c.colour) }, value: (u, v) => text(v) }))],
    hooks: {
      setSelect: [u => { if (u.select.width > 4) zoomTo(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')); }],
      setSeries: [u => u.series.forEach((series, i) => {
        if (i === 0) return;
        view.hidden[series.show ? 'delete' : 'add'](name(curves[i - 1]));
        u.root.querySelectorAll('.u-series')[i]?.querySelector('th').setAttribute('aria-pressed', series.show);
      })],
      setData: [u => { u.over.setAttribute('aria-valuemin', u.data[0][0] ?? 0); u.over.setAttribute('aria-valuemax', u.data[0].at(-1) ?? 0); }],
      setCursor: [u => {
        const at = u.cursor.idx;
        if (at == null || document.activeElement !== u.over) return;
        u.over.setAttribute('aria-valuenow', u.data[0][at]);
        u.over.setAttribute('aria-valuetext', `epoch ${u.data[0][at]}: ` + curves.map((c, i) => u.series[i + 1].show && u.data[i + 1][at] != null ? `${c.label} ${text(u.data[i + 1][at])}` : '').filter(Boolean).join(', '));
      }],
    },
  }, [[], ...curves.map(() => [])], figure);
  byKeyboard(plot, caption);
  new ResizeObserver(() => plot.setSize(size())).observe(figure);
  return plot;
}

/** To a keyboard and a screen reader a chart is a slider over the epochs, and each entry of its legend a button. */
function byKeyboard(plot, caption) {
  plot.root.querySelector('canvas').setAttribute('aria-hidden', 'true');
  const { over } = plot;
  for (const [name, value] of Object.entries({ role: 'slider', tabindex: 0, 'aria-label': `${caption}: values by epoch`, 'aria-valuenow': 0, 'aria-valuetext': 'no epoch chosen' })) {
    over.setAttribute(name, value);
  }
  over.addEventListener('keydown', event => {
    const epochs = plot.data[0], at = plot.cursor.idx ?? epochs.length;
    const { min, max } = plot.scales.x, third = (max - min) / 3;
    const goTo = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - 10, PageUp: at + 10, Home: 0, End: epochs.length - 1 }[event.key];
    if (goTo !== undefined) {
      const epoch = epochs[Math.min(epochs.length - 1, Math.max(0, goTo))];
      if (view.zoom && (epoch < min || epoch > max)) zoomTo(epoch < min ? epoch : epoch - (max - min), epoch < min ? epoch + (max - min) : epoch);
      plot.setCursor({ left: plot.valToPos(epoch, 'x'), top: plot.over.clientHeight / 2 });
    } else if (event.key === '+') {
      zoomTo(min + third / 2, max - third / 2);
    } else if (event.key === '-') {
      const [first, last] = [epochs[0], epochs.at(-1)];
      if (max - min + 2 * third >= last - first) zoomTo(); else zoomTo(Math.max(first, min - third), Math.min(last, max + third));
    } else if (event.key === 'Escape') {
      zoomTo();
    } else {
      return;
    }
    event.preventDefault();
  });
  plot.root.querySelector('.u-legend').setAttribute('role', 'presentation');
  plot.root.querySelectorAll('.u-series').forEach((row, i) => {
    if (i === 0) return;
    const entry = row.querySelector('th');
    entry.setAttribute('role', 'button');
    entry.tabIndex = 0;
    entry.setAttribute('aria-pressed', plot.series[i].show);
    entry.addEventListener('keydown', event => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      entry.click();
    });
  });
}

/** Draws news without undoing a zoom. */
function put(plot, data) {
  plot.setData([data[0], ...data.slice(1).map(values => smooth(data[0], values))], !view.zoom);
  if (view.zoom) plot.setScale('x', view.zoom);
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
  const names = new Map([...section.querySelectorAll('data.layer')].map(layer => [layer.value, layer.textContent]));
  const limits = [...section.querySelectorAll('data.limit')].map(limit => ({ metric: limit.dataset.metric, value: +limit.value, label: limit.textContent }));
  const empty = section.querySelector('p');
  const state = () => document.getElementById('summary').dataset;
  const refresh = gently(() => htmx.trigger('#summary', 'refresh'));
  let epochs = [], charts = [], drawn = null, attempt = null, following = false, last = null, end = null;

  function layout() {
    const [first] = epochs, target = +state().target || null;
    const layers = (part, figure) => Object.keys(first[part]).map((name, i) =>
      ({ label: names.get(name) ?? name, colour: colour(i), dash: dash(i), of: e => e[part][name][figure] }));
    const lines = (...metrics) => limits.filter(limit => metrics.includes(limit.metric))
      .map(limit => ({ label: limit.label, colour: '--target', dash: [3, 3], of: () => limit.value, far: true }));
    const log = logarithmic();
    const has = figure => epochs.some(e => e[figure] != null);
    const kinds = [
      ['Synops per sample', [{ label: 'model', colour: '--text', width: 2.5, of: e => e.synops },
        ...(has('test_synops') ? [{ label: 'test samples', colour: '--text', dash: [2, 3], width: 2, of: e => e.test_synops }] : []),
        ...(target ? [{ label: 'target', colour: '--target', dash: [6, 4], width: 2, of: () => target }] : []),
        ...lines('synops', 'test_synops'), ...layers('parameter', 'synops')]],
      ['Firing rate (spikes per neuron per time step)', [{ label: 'model', colour: '--text', width: 2.5, of: e => e.firing_rate },
        ...lines('firing_rate'), ...layers('spiking', 'firing_rate')]],
      ['Loss', [{ label: 'loss', colour: '--c0', width: 2, of: e => e.loss }, ...lines('loss')], { log }],
    ];
    if (has('accuracy')) {
      kinds.push(['Accuracy', [{ label: 'training', colour: '--c0', width: 2, of: e => e.accuracy },
        ...(has('test_accuracy') ? [{ label: 'test', colour: '--c1', width: 2, of: e => e.test_accuracy }] : []),
        ...lines('accuracy', 'test_accuracy')], { percent: true }]);
    }
    view.charts.clear();
    section.replaceChildren();
    charts = kinds.map(([title, curves, options]) => ({ plot: chart(section, title, curves, options), curves, log: options?.log ?? view.axis === 'log' }));
    charts.forEach(one => view.charts.add(one));
    drawn = form();
  }

  const logarithmic = () => view.axis === 'log' || view.axis === 'fit' && spans(epochs.map(e => e.loss));
  /** What the charts are made for; anything else needs others. */
  const form = () => [+state().target || null, logarithmic(), view.axis, view.smoothing].join();

  const redraw = gently(() => {
    if (!epochs.length) {
      section.replaceChildren(empty);
      charts = [];
      view.charts.clear();
      return;
    }
    while (epochs.length > MOST) epochs = epochs.filter((e, i) => i % 2 === 0 || i === epochs.length - 1);
    if (!charts.length || drawn !== form()) layout();
    const at = epochs.map(e => e.epoch);
    charts.forEach(({ plot, curves, log }) => put(plot, [at, ...curves.map(c => epochs.map(log ? e => positive(c.of(e)) : c.of))]));
    section.dispatchEvent(new CustomEvent('epochs'));
  }, 200);
  tools(redraw);

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

/** Several jobs in the same charts, with the target of each. */
function compare(section) {
  const jobs = [...section.querySelectorAll('data')].map(job => ({ id: job.value, name: job.textContent, baseline: +job.dataset.baseline || null, target: +job.dataset.target || null, epochs: [] }));
  const kinds = [['Synops per sample', (e, job) => e.synops, {}, job => job.target],
    ['Synops divided by those before training', (e, job) => job.baseline && e.synops / job.baseline, {}, job => job.baseline && job.target && job.target / job.baseline],
    ['Firing rate (spikes per neuron per time step)', e => e.firing_rate], ['Loss', e => e.loss, {}],
    ['Accuracy', e => e.test_accuracy ?? e.accuracy, { percent: true }]];

  function draw() {
    section.replaceChildren();
    view.charts.clear();
    for (const [title, of, options = {}, target = () => null] of kinds) {
      const some = jobs.filter(job => job.epochs.some(e => of(e, job) != null));
      if (!some.length) continue;
      const log = view.axis === 'log' || title === 'Loss' && view.axis === 'fit' && spans(some.flatMap(job => job.epochs.map(e => e.loss)));
      const value = log ? (e, job) => positive(of(e, job)) : of;
      const aims = some.filter(target);
      const curve = job => ({ label: job.name, colour: colour(jobs.indexOf(job)), dash: dash(jobs.indexOf(job)), width: 2 });
      const plot = chart(section, title, [...some.map(curve), ...aims.map(job => ({ ...curve(job), label: `target of ${job.name}`, dash: [3, 4], width: 1 }))], { ...options, log });
      view.charts.add({ plot });
      put(plot, uPlot.join([...some.map(job => [job.epochs.map(e => e.epoch), job.epochs.map(e => value(e, job))]),
        ...aims.map(job => [job.epochs.map(e => e.epoch), job.epochs.map(() => target(job))])]));
    }
  }
  tools(draw);

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
    const id = `${field.name}-error`;
    const message = document.getElementById(id) ?? field.closest('label').appendChild(document.createElement('span'));
    message.className = 'error';
    message.id = id;
    message.textContent += `${message.textContent && '\n'}${pointer.slice(field.dataset.pointer.length + 1)} ${detail}`.trim();
    field.setAttribute('aria-invalid', 'true');
    field.setAttribute('aria-describedby', message.id);
  }
  form.querySelector('[aria-invalid]')?.focus();
}

function clear(form) {
  form.querySelectorAll('label .error').forEach(e => e.remove());
  form.querySelectorAll('[aria-invalid]').forEach(e => { e.removeAttribute('aria-invalid'); e.removeAttribute('aria-describedby'); });
  document.getElementById('problem').textContent = '';
  const estimate = document.getElementById('estimate');
  if (estimate) estimate.textContent = '';
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

/** Which columns the list of jobs shows. */
function columns(menu) {
  const hidden = new Set(choice.get('hidden-columns', ['loss', 'best-synops', 'best-accuracy', 'best-loss', 'time']));
  const show = () => menu.querySelectorAll('input').forEach(box => document.documentElement.classList.toggle(`without-${box.value}`, !box.checked));
  menu.querySelectorAll('input').forEach(box => { box.checked = !hidden.has(box.value); });
  show();
  menu.addEventListener('change', () => {
    choice.set('hidden-columns', [...menu.querySelectorAll('input:not(:checked)')].map(box => box.value));
    show();
  });
}

/** Actions on the selected jobs. What the service refuses of one job does not keep it from the others. */
function bulk(bar) {
  const selected = () => [...document.querySelectorAll('#jobs input[name=id]:checked')];
  const all = () => document.getElementById('select-all');
  function count() {
    const boxes = [...document.querySelectorAll('#jobs input[name=id]')], n = selected().length;
    bar.querySelectorAll('button').forEach(button => { button.disabled = n === 0; });
    document.getElementById('selected').textContent = n === 0 ? 'No job selected' : n === 1 ? '1 job selected' : `${n} jobs selected`;
    if (all()) {
      all().checked = n > 0 && n === boxes.length;
      all().indeterminate = n > 0 && n < boxes.length;
    }
  }
  document.body.addEventListener('change', event => {
    if (event.target.id === 'select-all') {
      document.querySelectorAll('#jobs input[name=id]').forEach(box => { box.checked = event.target.checked; });
    }
    count();
  });
  for (const event of ['htmx:afterSwap', 'pageshow']) addEventListener(event, count);
  const actions = {
    cancel: async () => id => post(`${JOBS}/${id}/cancel`),
    delete: async n => confirm(n === 1 ? 'Delete this job with its weights?' : `Delete ${n} jobs with their weights?`) ? id => send('DELETE', `${JOBS}/${id}`) : null,
    label: async () => {
      const given = prompt('Label as key:value; a key alone removes the label', '');
      const [, key, value] = given?.match(/^([^:]+)(?::(.*))?$/s) ?? [];
      return key ? id => send('PATCH', `${JOBS}/${id}`, JSON.stringify({ labels: { [key.trim()]: value?.trim() ?? null } })) : null;
    },
  };
  bar.addEventListener('click', async event => {
    const button = event.target.closest('[data-bulk]');
    if (!button) return;
    const boxes = selected();
    const act = await actions[button.dataset.bulk](boxes.length);
    if (!act) return;
    const refused = [];
    for (const box of boxes) {
      try {
        await act(box.value);
        box.checked = false;
      } catch (problem) {
        refused.push(`${box.getAttribute('aria-label').replace(/^Select /, '')}: ${problem.detail ?? 'the service cannot be reached'}`);
      }
    }
    notice(refused.join('\n'));
    count();
    htmx.trigger('#jobs', 'refresh');
  });
  count();
}

/** The epochs of a job as a table, the newest first; more of them on demand. */
function epochTable(details) {
  const PAGE = 100;
  const job = details.dataset.job, body = details.querySelector('tbody'), earlier = details.querySelector('button');
  const figures = [...details.querySelectorAll('th[data-figure]')].map(head => ({ of: head.dataset.figure, percent: 'percent' in head.dataset }));
  let first = null, last = -1;
  function row(epoch) {
    const line = document.createElement('tr');
    const head = line.appendChild(document.createElement('th'));
    head.scope = 'row';
    head.textContent = epoch.epoch;
    for (const { of, percent } of figures) {
      const cell = line.appendChild(document.createElement('td'));
      cell.className = 'number';
      const v = epoch[of];
      cell.textContent = v == null ? '–' : percent ? `${(100 * v).toFixed(1)}\u202f%` : si(v);
    }
    return line;
  }
  async function load(after, before) {
    const { data } = await fetchEpochs(job, `after=${after}&limit=${before - after - 1}`);
    const rows = data.reverse().map(row);
    if (after >= last) body.prepend(...rows); else body.append(...rows);
    first = Math.min(first ?? Infinity, ...data.map(e => e.epoch));
    last = Math.max(last, ...data.map(e => e.epoch));
    earlier.hidden = !(first > 0);
  }
  const news = gently(async () => {
    if (!details.open) return;
    const done = +document.getElementById('summary').dataset.epochs;
    if (done - 1 < last) { body.replaceChildren(); first = null; last = -1; }
    const from = first === null ? Math.max(-1, done - 1 - PAGE) : last;
    if (done - 1 > from) await load(from, Math.min(done, from + 1 + 10 * PAGE));
  });
  details.addEventListener('toggle', news);
  document.getElementById('curves').addEventListener('epochs', news);
  earlier.addEventListener('click', () => load(Math.max(-1, first - 1 - PAGE), first));
}

/** Values of a line such as "loss/0/target/baseline_multiple = 2, 1, 0.5". */
function varied(text) {
  const over = {};
  for (const line of text.split('\n').filter(line => line.trim())) {
    const [, path, values] = line.match(/^\s*([^=]+?)\s*=\s*(.*)$/) ?? [];
    if (!path) throw { errors: [{ pointer: '/over', detail: `"${line.trim()}" must be a path, = and values, such as loss/0/target/baseline_multiple = 2, 1, 0.5` }] };
    try { over[path] = JSON.parse(`[${values}]`); } catch { over[path] = values.split(',').map(numeric); }
  }
  return over;
}

/** Sends what `describe` makes of the form's fields to a list of the service, and opens the page of what that made. */
function submitTo(list, form, describe) {
  form.addEventListener('submit', async event => {
    event.preventDefault();
    clear(form);
    const button = form.querySelector('button');
    button.disabled = true;
    try {
      const made = await post(`${BASE}/api/v1/${list}`, JSON.stringify(describe(form.elements)));
      location.href = `${BASE}/${list}/${made.id}`;
    } catch (problem) {
      show(form, problem);
    } finally {
      button.disabled = false;
    }
  });
}

function sweep(form) {
  submitTo('sweeps', form, field => {
    const body = { name: field.name.value || null, job: parsed(field.job.value, '/job'), over: varied(field.over.value) };
    if (field.seeds.value.trim()) body.seeds = field.seeds.value.split(',').map(numeric);
    if (field.rounds.value.trim()) body.halving = { rounds: numeric(field.rounds.value) };
    return body;
  });
}

function search(form) {
  submitTo('searches', form, field => parsed(field.search.value, ''));
}

// What is being pressed stays until it is let go, or a click on it would be lost; the next refresh brings the news.
document.body.addEventListener('htmx:beforeSwap', event => {
  if (event.detail.target.matches(':active')) event.detail.shouldSwap = false;
});

const on = (id, start) => { const element = document.getElementById(id); if (element) start(element); };
document.querySelectorAll('[data-live]').forEach(live);
localize();
for (const event of ['htmx:afterSwap', 'htmx:oobAfterSwap']) document.body.addEventListener(event, localize);
on('choose-columns', columns);
on('bulk', bulk);
on('curves', follow);
on('comparison', compare);
on('submit', submission);
on('sweep', sweep);
on('search', search);
on('epoch-table', epochTable);
on('raster', raster);
