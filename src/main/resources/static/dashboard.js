import uPlot from '/webjars/uplot/dist/uPlot.esm.js';

const JOBS = '/api/v1/jobs';
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const si = v => v == null ? '' : Math.abs(v) >= 1e6 ? +(v / 1e6).toPrecision(4) + 'M' : Math.abs(v) >= 1e4 ? +(v / 1e3).toPrecision(4) + 'k' : +v.toPrecision(4) + '';

/** A chart that keeps its width to its figure's; curves: [{label, colour, width, dash}]. */
function chart(parent, title, curves) {
  const figure = parent.appendChild(document.createElement('figure'));
  figure.appendChild(document.createElement('figcaption')).textContent = title;
  const axis = values => ({ stroke: css('--muted'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, ...values });
  const plot = new uPlot({
    width: figure.clientWidth - 34, height: 260, cursor: { sync: { key: 'epochs' } },
    scales: { x: { time: false }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.05 : 1] } },
    axes: [axis({ size: 28 }), axis({ size: 58, values: (u, ticks) => ticks.map(si) })],
    series: [{ label: 'epoch' }, ...curves.map(c => ({ label: c.label, stroke: css(c.colour), width: c.width ?? 1.5, dash: c.dash, spanGaps: true, points: { show: false }, value: (u, v) => si(v) }))],
  }, [[], ...curves.map(() => [])], figure);
  new ResizeObserver(() => plot.setSize({ width: figure.clientWidth - 34, height: 260 })).observe(figure);
  return plot;
}

const colour = i => `--c${i % 6}`;
const fetchEpochs = (id, query) => fetch(`${JOBS}/${id}/epochs?${query}`).then(r => r.json());

/** The charts of one job, drawn further as its epochs arrive. */
function follow(section) {
  let epochs = [], attempt = null, charts = [];

  function layout() {
    const [first] = epochs, target = +section.dataset.target || null;
    const layers = (part, figure) => Object.keys(first[part]).map((name, i) =>
      ({ label: `layer ${name}`, colour: colour(i), of: e => e[part][name][figure] }));
    const kinds = [
      ['Synops a sample', [{ label: 'model', colour: '--text', width: 2.5, of: e => e.synops },
        ...(target ? [{ label: 'target', colour: '--target', dash: [6, 4], of: () => target }] : []), ...layers('parameter', 'synops')]],
      ['Firing rate', [{ label: 'model', colour: '--text', width: 2.5, of: e => e.firing_rate }, ...layers('spiking', 'firing_rate')]],
      ['Loss', [{ label: 'loss', colour: '--c0', width: 2, of: e => e.loss }]],
    ];
    if (first.accuracy != null) {
      kinds.push(['Accuracy', [{ label: 'training', colour: '--c0', of: e => e.accuracy }, { label: 'test', colour: '--c1', of: e => e.test_accuracy }]]);
    }
    section.replaceChildren();
    charts = kinds.map(([title, curves]) => ({ plot: chart(section, title, curves), curves }));
  }

  const draw = () => charts.forEach(({ plot, curves }) => plot.setData([epochs.map(e => e.epoch), ...curves.map(c => epochs.map(c.of))]));

  async function tick() {
    const state = document.getElementById('summary').dataset;
    if (state.attempt !== attempt) {
      attempt = state.attempt; epochs = []; charts = []; section.replaceChildren();
    }
    const last = epochs.at(-1)?.epoch ?? -1;
    const { data } = await fetchEpochs(section.dataset.job, last < 0 ? 'max_points=1000&limit=1001' : `after=${last}&limit=1000`);
    if (data.length) {
      if (section.dataset.target === undefined) {
        section.dataset.target = (await fetch(`${JOBS}/${section.dataset.job}`).then(r => r.json())).target_synops ?? '';
      }
      epochs.push(...data);
      if (!charts.length) layout();
      draw();
    }
    setTimeout(tick, 700);
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { if (epochs.length) { layout(); draw(); } });
  tick();
}

/** Several jobs in the same charts. */
async function compare(section) {
  const jobs = await Promise.all([...section.querySelectorAll('data')].map(async job =>
    ({ name: job.textContent, epochs: (await fetchEpochs(job.value, 'max_points=500&limit=1001')).data })));
  const kinds = [['Synops a sample', e => e.synops], ['Firing rate', e => e.firing_rate], ['Loss', e => e.loss], ['Accuracy', e => e.test_accuracy ?? e.accuracy]];
  for (const [title, of] of kinds.filter(([, of]) => jobs.some(job => job.epochs.some(e => of(e) != null)))) {
    const plot = chart(section, title, jobs.map((job, i) => ({ label: job.name, colour: colour(i), width: 2 })));
    plot.setData(uPlot.join(jobs.map(job => [job.epochs.map(e => e.epoch), job.epochs.map(of)])));
  }
}

const numeric = text => text.trim() === '' ? undefined : isNaN(text) ? text : Number(text);

function parsed(text, pointer) {
  try {
    return JSON.parse(text);
  } catch (e) {
    throw { errors: [{ pointer, detail: `this is not JSON: ${e.message}` }] };
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
        job.model = { id: (await post(`/api/v1/models?input_shape=${shape}`, model, 'text/plain')).id };
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
  document.getElementById('problem').classList.add('error');
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
    try {
      const answer = await post(dryRun ? `${JOBS}?dry_run=true` : JOBS, JSON.stringify(await describe(form.elements)));
      if (dryRun) {
        document.getElementById('estimate').textContent = `Can be trained: ${si(answer.baseline.synops)} synops a sample before training`
          + (answer.target_synops ? `, target ${si(answer.target_synops)}` : '') + `, about ${si(answer.memory_bytes)} bytes of memory.`;
      } else {
        location.href = `/jobs/${answer.id}`;
      }
    } catch (problem) {
      show(form, problem);
    }
  });
}

document.body.addEventListener('htmx:afterRequest', event => {
  if (event.detail.requestConfig.verb !== 'get') htmx.trigger('#summary', 'refresh');
});
// A refresh of the list would take back what is being selected.
document.body.addEventListener('htmx:beforeRequest', event => {
  if (event.target.id === 'jobs' && event.target.querySelector(':checked')) event.preventDefault();
});

const on = (id, start) => { const element = document.getElementById(id); if (element) start(element); };
on('curves', follow);
on('comparison', compare);
on('submit', submission);
