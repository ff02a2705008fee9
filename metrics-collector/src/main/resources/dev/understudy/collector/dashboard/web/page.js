// Draws the collector's state. One JSON value comes in, first with the page, then by server-sent events;
// each card is drawn again only when what it shows has changed, so that focus and scrolling stay.
'use strict';
(() => {
  const main = document.getElementById('main');
  const cards = new Map();
  let state = null, chosen = new URLSearchParams(location.search).get('model'), heard = 0, place = 0;

  // ---- making things ----
  function h(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const key in attributes || {}) if (attributes[key] !== undefined && attributes[key] !== false) made.setAttribute(key, attributes[key]);
    made.append(...children.flat(Infinity).filter(c => c !== null && c !== undefined && c !== false));
    return made;
  }
  function card(id, css, title, shown, build) {
    let entry = cards.get(id);
    if (!entry) {
      entry = {box: h('section', {class: css, 'aria-label': title || id}), key: null};
      cards.set(id, entry);
    }
    entry.used = true;
    if (entry.box.className !== css) entry.box.className = css;
    // In the order of drawing; what stands in its place stays untouched, with its focus and scrolling.
    if (main.children[place] !== entry.box) main.insertBefore(entry.box, main.children[place] || null);
    place++;
    const key = JSON.stringify(shown);
    if (entry.key === key) return;
    entry.key = key;
    const open = [...entry.box.querySelectorAll('details')].map(d => d.open);
    entry.box.replaceChildren(...[title && h('h2', {}, ...[title].flat()), ...[build()].flat(Infinity)].filter(Boolean));
    entry.box.querySelectorAll('details').forEach((d, i) => { d.open = Boolean(open[i]); });
  }

  // ---- words ----
  const count = n => n === null || n === undefined ? '–' : Math.round(n).toLocaleString('en');
  const percent = (v, digits) => v === null || v === undefined ? '–' : (v * 100).toFixed(digits === undefined ? (Math.abs(v * 100 - Math.round(v * 100)) < .05 ? 0 : 1) : digits) + ' %';
  const ms = v => v === null || v === undefined ? '–' : v < 10 ? v.toFixed(2) : v < 100 ? v.toFixed(1) : count(v);
  const small = v => v === null || v === undefined ? '–' : v === 0 ? '0' : Math.abs(v) < .0001 ? v.toExponential(1) : v.toFixed(Math.abs(v) < .1 ? 4 : 3);
  const signed = (v, form) => (v > 0 ? '+' : v < 0 ? '−' : '') + form(Math.abs(v));
  const bytes = v => v < 1e6 ? count(v / 1e3) + ' kB' : v < 1e9 ? (v / 1e6).toFixed(1) + ' MB' : (v / 1e9).toFixed(1) + ' GB';
  const clock = t => t ? new Date(t).toLocaleTimeString('en-GB') : '–';
  const title = text => text.charAt(0).toUpperCase() + text.slice(1);
  function duration(seconds) {
    if (seconds < 90) return Math.max(1, Math.round(seconds)) + ' s';
    return seconds < 5400 ? Math.round(seconds / 60) + ' min' : (seconds / 3600).toFixed(1) + ' h';
  }
  function times(log) {
    if (log === null || log === undefined) return '–';
    if (log <= 0) return 'none';
    if (log > Math.log(99999)) return 'over 99,999×';
    const factor = Math.exp(log);
    return (factor < 9.95 ? factor.toFixed(1) : count(factor)) + '×';
  }
  const RESULT = {proved: ['✓ Proved', 'proved'], against: ['✕ Against', 'against'], undecided: ['Undecided', ''], 'cannot measure': ['– Cannot measure', 'cannot']};
  function word(result) {
    const [text, css] = RESULT[result] || [title(result || 'not judged yet'), ''];
    return h('span', {class: 'word ' + css}, text);
  }
  const css = role => role === 'mirrored control' ? 'mirrored' : role;
  const table = (heads, rows) => h('div', {class: 'scroll'}, h('table', {}, h('thead', {}, h('tr', {}, heads.map(t => h('th', {scope: 'col'}, t)))), h('tbody', {}, rows)));
  const row = (...cells) => h('tr', {}, cells.map(c => c instanceof Element && c.tagName === 'TD' ? c : h('td', {}, c)));

  // ---- cards ----
  function hero(model) {
    const r = model.rollout;
    card('hero', 'hero', '', [model.model, model.headline, r && [r.phase, r.reason, r.id, r.started, r.ended, r.intent, r.attempt]], () => {
      const meta = r ? [
        r.intent && r.intent !== 'intent unspecified' ? 'intent: ' + r.intent : null,
        r.attempt > 1 ? 'attempt ' + r.attempt : null,
        r.started ? 'started ' + clock(r.started) : null,
        r.ended ? 'ended ' + clock(r.ended) + ', after ' + duration((r.ended - r.started) / 1000) : null,
        r.id].filter(Boolean).join(' · ') : 'Nothing is being tried out.';
      return [h('p', {class: 'over'}, 'Model ' + model.model), h('h1', {}, title(model.headline)), h('p', {class: 'meta'}, meta)];
    });
  }

  function trouble() {
    const notes = [];
    for (const [name, key] of [['The controller', 'controller'], ['The comparator', 'comparator']]) {
      const source = state[key];
      if (!source.configured) notes.push(`${name} is not configured here (${key === 'controller' ? 'controller' : 'evidence'}: host:port): ${key === 'controller' ? 'rollouts and routers' : 'evidence'} cannot be shown.`);
      else if (!source.reachable && state.now - state.started > 3000) notes.push(`${name} at ${source.address} does not answer; what is shown of it is the last that was known. (${source.problem})`);
    }
    for (const router of state.routers) {
      if (router.refusal) notes.push(`Router ${router.router} refused the newest routing table: ${router.refusal}`);
      if (router.leaseExpired) notes.push(`Router ${router.router} has lost its lease: its canary share has fallen back to the champion.`);
      if (router.championOnly) notes.push(`Router ${router.router} is held champion-only by hand: ${router.championOnly}`);
    }
    notes.forEach((note, i) => card('trouble' + i, 'banner', '', note, () => note));
  }

  function verdict(model) {
    const e = model.evidence, r = model.rollout;
    if (!e) return;
    const guard = e.guardrail, split = e.split && e.split.result === 'against' ? e.split.statement || 'The split is not what was configured.' : '';
    if (e.drill) card('drill', 'banner', '', 'drill', () => 'This is a drill: faults are injected on purpose, nothing is promoted, and what is found is no evidence about a version.');
    if (guard) card('guard', 'banner bad', '', guard, () => 'Guardrail: ' + guard);
    if (split) card('split', 'banner bad', '', split, () => split);
    if (e.next && r && !r.over) card('next', 'banner ' + (e.overall === 'proved' ? 'good' : ''), '', e.next, () => [h('b', {}, 'Next: '), e.next]);
    const w = e.watch;
    if (w) card('watch', 'card w12', ['After the promotion ', word(w.result)], w, () => [
      h('p', {class: 'empty'}, w.statement),
      facts([['Watched', duration(w.blocks)], ['Of', duration(w.horizonBlocks)], ['Alarm', times(w.logEvidence) + ' of ' + times(w.logAlarm)]])]);
  }

  function timeline(model) {
    const r = model.rollout;
    if (!r) return;
    card('timeline', 'card w12', 'The way to champion', [r.timeline, r.phase, r.reason, r.phaseSince, r.over], () => {
      const mark = {done: '✓', now: '', next: '', stopped: '✕', paused: 'II'};
      return h('ol', {class: 'steps'}, r.timeline.map(stop => h('li', {class: stop.state, 'aria-current': stop.state === 'now' ? 'step' : undefined},
        h('i', {'aria-hidden': 'true'}, mark[stop.state]), stop.label,
        h('small', {}, stop.state === 'now' ? r.phase + ' since ' + clock(r.phaseSince) : stop.state === 'stopped' ? 'stopped here' : stop.state === 'paused' ? 'paused' + (r.reason ? ': ' + r.reason : '') : stop.detail))));
    });
  }

  function arms(model) {
    card('arms', 'card w12', ['Arms ', h('small', {}, 'shares of the last 30 s, latency of the last minute')], [model.arms.map(a => ({...a, course: 0})), Boolean(model.rollout)], () => {
      if (!model.arms.length) return h('p', {class: 'empty'}, 'No calls in the last minute. Send some through the router, for instance with ', h('code', {}, 'understudy infer'), '.');
      const live = model.arms.filter(a => a.live && a.actual);
      const rows = model.arms.map(a => row(
        h('span', {class: 'tag ' + css(a.role)}, title(a.role)), 'version ' + a.version,
        a.live ? percent(a.desired) : 'copies', a.live ? percent(a.actual) : '–', a.live ? a.rate.toFixed(a.rate < 10 ? 1 : 0) : '–',
        a.live ? count(a.answered) : a.copies === undefined ? '–' : count(a.copies),
        a.live ? bad(a.bad) : a.copiesFailed === undefined ? '–' : bad(a.copiesFailed), a.live ? bad(a.failed) : '0',
        ms(a.latency.p50), ms(a.latency.p90), ms(a.latency.p95), ms(a.latency.p99)));
      return [
        live.length > 0 && h('div', {class: 'split', role: 'img', 'aria-label': 'Split of the traffic: ' + live.map(a => a.role + ' ' + percent(a.actual)).join(', ')}, live.map(a => { const part = h('i', {class: css(a.role)}); part.style.flexGrow = a.actual; return part; })),
        table(['Arm', 'Version', 'Wanted', 'Actual', 'Calls/s', 'Answers', 'Failed tries', 'Errors seen', 'p50 ms', 'p90', 'p95', 'p99'], rows)];
    });
    function bad(n) { return n > 0 ? h('span', {class: 'badtext'}, count(n)) : '0'; }
  }

  function evidence(model) {
    const e = model.evidence, r = model.rollout;
    if (!e) {
      card('evidence', 'card w8', 'Evidence', Boolean(r), () => h('p', {class: 'empty'}, r ? 'The judge has not reported yet.' : ['Evidence is gathered while a rollout is under way. Begin one: ', h('code', {}, 'understudy rollout start plan.yaml')]));
      return;
    }
    card('evidence', 'card w8', ['Evidence ', h('small', {}, 'bars grow by orders of magnitude; the line is where it acts')], [e.metrics, e.statement, e.logAgainst, e.logAgainstStop, e.overall, r && r.over], () => {
      const meter = (kind, value, needed, verb) => {
        const bar = h('i', {});
        const share = needed > 0 && value > 0 ? Math.min(1, value / needed) : 0;
        bar.style.width = share * 100 + '%';
        if (!share) bar.hidden = true;
        return h('div', {class: 'meter'}, h('span', {}, kind), h('span', {class: 'track ' + kind, role: 'img', 'aria-label': `evidence ${kind}: ${times(value)}, ${verb} ${times(needed)}`}, bar), h('span', {}, h('b', {}, times(value)), ` · ${verb} ${times(needed)}`));
      };
      const items = e.metrics.map(m => {
        const more = m.result === 'undecided' && m.needsMore && !(r && (r.over || r.promoted)) ? `needs about ${count(m.needsMore)} more` + (m.eta ? `, ${duration(m.eta)} at this rate` : '') : '';
        const says = m.result === 'cannot measure' ? m.reason || m.statement : m.statement;
        return h('li', {},
          h('div', {}, h('div', {class: 'name'}, m.name, word(m.result)), h('p', {}, [m.critical ? 'critical' : 'for information', count(m.observations) + ' observations'].join(' · '))),
          h('div', {},
            m.result !== 'cannot measure' && m.logForNeeded ? meter('for', m.logFor, m.logForNeeded, 'needs') : null,
            m.result !== 'cannot measure' && m.logAgainstStop ? meter('against', m.logAgainst, m.logAgainstStop, 'stops at') : null,
            says ? h('p', {}, says) : null, more ? h('p', {}, title(more)) : null, m.flipsIf ? h('p', {}, 'Would change: ' + m.flipsIf) : null));
      });
      const all = h('li', {}, h('div', {}, h('div', {class: 'name'}, 'All together', word(e.overall)), h('p', {}, 'weighted mean of the evidence against')),
        h('div', {}, e.logAgainstStop ? meter('against', e.logAgainst, e.logAgainstStop, 'stops at') : null, e.statement ? h('p', {}, e.statement) : null));
      return h('ul', {class: 'metrics'}, all, items);
    });
  }

  function decisions(model) {
    const list = model.rollout ? model.rollout.decisions : [];
    card('decisions', 'card w4', 'Decisions', list, () => list.length ? h('ol', {class: 'log'}, list.map(d => h('li', {},
      h('time', {}, clock(d.at)), h('span', {}, d.reason || d.phase, h('small', {class: 'muted'}, [d.phase + (d.canary ? ' · canary ' + percent(d.canary) : ''), 'by ' + (d.actor || 'policy'), d.applied ? 'in force ' + (d.applied - d.at < 60000 ? 'after ' + ((d.applied - d.at) / 1000).toFixed(1) + ' s' : clock(d.applied)) : null].filter(Boolean).join(' · '))))))
      : h('p', {class: 'empty'}, 'Every step, pause, stop and promotion is written here, with its reason and the time until the last router had it in force.'));
  }

  function charts(model) {
    const shown = model.arms.filter(a => a.course.length);
    card('latency', 'card w6', ['Latency ', h('small', {}, 'median and p99 (dashed), ms')], shown.map(a => [a.role, a.version, a.course]), () => {
      const lines = shown.flatMap(a => [
        {points: a.course.map(p => [p[0], p[1]]), css: css(a.role)},
        {points: a.course.map(p => [p[0], p[2]]), css: css(a.role) + ' thin'}]);
      const svg = lines.length ? Charts.lines(lines, {label: 'Latency over the last minutes by arm', unit: v => String(Number(v.toPrecision(3)))}) : null;
      if (!svg) return h('p', {class: 'empty'}, 'Latency appears with the first calls, ten seconds at a time.');
      return [h('ul', {class: 'legend'}, shown.map(a => h('li', {class: css(a.role)}, `${a.role} ${a.version}`))), svg];
    });
    const live = model.arms.map((a, i) => [a, i]).filter(([a]) => a.live);
    const begun = model.rate.findIndex(p => p.slice(1).some(v => v > 0)), rate = model.rate.slice(Math.max(0, begun));
    card('rate', 'card w6', ['Traffic ', h('small', {}, 'calls a second given to each arm')], [model.rate, live.map(([a]) => a.role)], () => {
      const svg = live.length ? Charts.lines(live.map(([a, i]) => ({points: rate.map(p => [p[0], p[i + 1]]), css: css(a.role)})), {label: 'Calls per second by arm', unit: v => String(Number(v.toPrecision(3)))}) : null;
      return svg ? [h('ul', {class: 'legend'}, live.map(([a]) => h('li', {class: css(a.role)}, `${a.role} ${a.version}`))), svg] : h('p', {class: 'empty'}, 'No calls yet.');
    });
    const e = model.evidence;
    if (!e) return;
    const stop = e.logAgainstStop;
    card('course', 'card w6', ['Evidence against, over time ', h('small', {}, 'all together')], [model.course, stop], () => {
      const svg = Charts.lines([{points: model.course.map(p => [p[0], p[3]]), css: 'againstline'}], {label: 'Evidence against over time', unit: v => v === 0 ? '1×' : times(v) === 'none' ? Math.exp(v).toFixed(1) + '×' : times(v), low: -1, marks: stop ? [{value: stop, text: 'stops at ' + times(stop)}] : []});
      return svg || h('p', {class: 'empty'}, 'Nothing yet.');
    });
    card('divergence', 'card w6', ['Divergence ', h('small', {}, `of ${count(e.pairs)} compared pairs`)], [model.course, e.pairs, e.divergence, e.noise], () => {
      const noisy = model.course.some(p => p[2] !== null && p[2] > 0);
      const lines = [{points: model.course.map(p => [p[0], p[1]]), css: 'diverge'}];
      if (noisy) lines.push({points: model.course.map(p => [p[0], p[2]]), css: 'noise thin'});
      const svg = e.pairs ? Charts.lines(lines, {label: 'Mean divergence over time', unit: small}) : null;
      return svg ? [h('ul', {class: 'legend'}, h('li', {class: 'diverge'}, `champion and challenger: mean ${small(e.divergence)}`), h('li', {class: 'noise'}, noisy ? `champion and itself (noise): ${small(e.noise)}` : 'no mirrored control, so no noise floor')), svg]
        : h('p', {class: 'empty'}, 'No pair has been compared yet. Pairs come from copied calls: a plan whose first step is the shadow.');
    });
    if (e.swap) card('swap', 'card w6', ['Changed decisions ', h('small', {}, `${count(e.swap.toPositive + e.swap.toNegative)} of ${count(e.swap.pairs)} (${percent((e.swap.toPositive + e.swap.toNegative) / e.swap.pairs, 2)})`)], e.swap, () => [
      h('ul', {class: 'legend'}, h('li', {class: 'canary'}, `to positive ${count(e.swap.toPositive)}`), h('li', {class: 'champion'}, `to negative ${count(e.swap.toNegative)}`)),
      Charts.bands(e.swap.bands, "Changed decisions by tenth of the champion's score")]);
    const staged = e.latency && e.latency.canaryStages.calls > 0 && e.latency.baselineStages.calls > 0;
    // Halves stand in pairs; when one is left over, the last takes the whole width.
    const halves = [e.swap, e.latency, staged, e.measures.length, e.slices.length].filter(Boolean).length;
    let drawn = Number(Boolean(e.swap));
    const half = () => ++drawn === halves && halves % 2 ? 'card w12' : 'card w6';
    if (e.latency) fairLatency(e.latency, half());
    if (staged) attribution(e.latency, half());
    if (e.measures.length) measures(e, half());
    if (e.slices.length) slices(e, half());
  }

  function fairLatency(l, size) {
    const name = q => 'p' + Number((q * 100).toPrecision(6));
    card('fair', size, ['Canary against ' + l.baseline + ' ', h('small', {}, 'ms; each interval 95 %, however often you look')], l, () => [
      l.statement && h('p', {class: 'note'}, l.statement),
      table(['', 'Canary', title(l.baseline), 'Difference'], l.quantiles.map(q => {
        const apart = q.differenceLow > 0 || q.differenceHigh < 0;
        return row(name(q.quantile), ms(q.canary), ms(q.baseline), h('span', {class: apart && q.differenceLow > 0 ? 'badtext' : ''}, `${signed(q.differenceLow, ms)} to ${signed(q.differenceHigh, ms)}`));
      })),
      l.sharedNodes.length > 0 && h('p', {class: 'note'}, `Both ran on ${l.sharedNodes.join(', ')}: one slows the other, and neither latency is its own.`)]);
  }

  function attribution(l, size) {
    const parts = [['network', 'Network'], ['queue', 'Queue'], ['batchWait', 'Batch wait'], ['compute', 'Compute']];
    card('attribution', size, ['Where a difference comes from ', h('small', {}, 'mean time of a call, ms')], [l.canaryStages, l.baselineStages], () => {
      const most = Math.max(...[l.canaryStages, l.baselineStages].map(s => parts.reduce((sum, [key]) => sum + s[key], 0)), 1e-9);
      const bar = s => { const whole = h('div', {class: 'stack'}); for (const [key, label] of parts) { const part = h('i', {class: 'stage-' + key, title: `${label} ${ms(s[key])} ms`}); part.style.width = 100 * s[key] / most + '%'; whole.append(part); } return whole; };
      return [
        h('ul', {class: 'legend'}, parts.map(([key, label]) => h('li', {class: 'stage-' + key}, label))),
        h('dl', {class: 'stacks'}, [['Canary', l.canaryStages], [title(l.baseline), l.baselineStages]].map(([label, s]) => [h('dt', {}, label), h('dd', {}, bar(s))])),
        table(['', ...parts.map(([, label]) => label), 'Rows per batch'], [['Canary', l.canaryStages], [title(l.baseline), l.baselineStages]].map(([label, s]) => row(label, ...parts.map(([key]) => ms(s[key])), s.batchRows.toFixed(1))))];
    });
  }

  function measures(e, size) {
    const noisy = e.measures.some(m => m.noiseMean !== null);
    card('measures', size, ['How far the answers lie apart ', h('small', {}, '0: the same, 1: as far as can be')], [e.measures, e.tolerances, e.batchSizeDiffers], () => [
      table(['Output', 'Measure', 'Mean', noisy ? 'Champion to itself' : null, 'Worst'].filter(t => t !== null), e.measures.map(m => row(...[m.output, m.measure, small(m.mean), noisy ? small(m.noiseMean) : null, small(m.max)].filter(t => t !== null)))),
      e.tolerances.length > 0 && h('p', {class: 'note'}, e.tolerances.map(t => `Tolerance of ${t.output}, learned from ${count(t.pairs)} pairs of the champion with itself: ${small(t.atol)} + ${small(t.rtol)} of the value.`).join(' ')),
      e.batchSizeDiffers > 0 && h('p', {class: 'note'}, `${count(e.batchSizeDiffers)} pairs were computed in batches of different size, which alone can change the last digits.`)]);
  }

  function slices(e, size) {
    card('slices', size, ['Slices ', h('small', {}, 'worst first' + (e.sliceHypotheses ? `; ${count(e.sliceHypotheses)} comparisons, corrected for looking at all of them` : ''))], [e.slices, e.examples, e.sliceHypotheses], () => [
      table(['Slice', 'Pairs', 'Divergence', 'Changed', 'Errors', 'p95', ''], e.slices.map(s => {
        const of = kind => (s.metrics.find(m => m.kind === kind && m.estimate !== null) || {}).estimate;
        const failures = of('failures'), slower = of('latency');
        return row(h('span', {title: s.statement || undefined}, s.slice), count(s.pairs), s.pairs ? small(s.divergence) : '–', s.pairs ? percent(s.changed, 2) : '–',
          failures === undefined ? '–' : signed(failures * 100, v => v.toFixed(1)) + ' pt', slower === undefined ? '–' : signed(slower * 1000, ms) + ' ms', s.against ? word('against') : '');
      })),
      e.slices.filter(s => s.against && s.statement).map(s => h('p', {class: 'note'}, s.statement)),
      e.examples.length ? h('details', {}, h('summary', {}, 'Most divergent pairs'), table(['Prediction', 'Champion', 'Challenger'], e.examples.map(x => row(h('a', {href: '/api/predictions/' + encodeURIComponent(x.prediction)}, x.prediction.slice(0, 13) + '…'), small(x.champion), small(x.challenger))))) : null]);
  }

  function truth(model) {
    const o = state.outcomes, e = model && model.evidence;
    card('truth', 'card w4', 'Ground truth', [o, e && [e.labels, e.labelsPaired]], () => {
      const reported = o.accepted + o.unknown;
      if (!reported && !(e && e.labels)) return h('p', {class: 'empty'}, 'No outcome has been reported. Report what turned out to be true, by prediction id, to ', h('code', {}, 'understudy.v1.OutcomeService'), '; it may come days later.');
      return facts([['Reported', count(reported)], ['Joined', count(o.joined)], ['With a shadow’s answer', count(o.paired)], ['Waiting', count(o.waiting)], ['Judged in this rollout', e ? count(e.labels) : '–'],
        ['Corrected later', count(o.replaced)], o.unusable ? ['Without a score', count(o.unusable)] : null, o.evicted ? ['Given up', count(o.evicted)] : null, o.unsent ? ['Not passed on', count(o.unsent)] : null]);
    });
  }
  const facts = list => h('dl', {class: 'facts'}, list.filter(Boolean).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));

  function routers() {
    card('routers', 'card w4', 'Routers', state.routers.map(r => ({...r})), () => state.routers.length
      ? table(['Router', 'Table', 'Since'], state.routers.map(r => row(r.router, `${r.epoch}.${r.revision}` + (r.refusal ? ' ✕ refused' : r.leaseExpired ? ' ✕ no lease' : ' ✓'), clock(r.applied))))
      : h('p', {class: 'empty'}, state.controller.configured ? 'No router is connected to the controller.' : 'Routers are known by the controller, which is not configured here.'));
  }

  function health() {
    const t = state.telemetry, e = current() && current().evidence;
    const lost = t.lineageLostByRouters + t.payloadsDropped + t.malformed + (e ? e.gaps : 0);
    card('health', 'card w4', 'Is this page telling the truth?', [t, e && [e.gaps, e.lateBlocks, e.pairsDropped], state.outcomes.unacknowledged], () => facts([
      ['Calls remembered', count(t.lineageStored)], ['Behind by', t.newest ? duration(t.lag / 1000).replace(/^1 s$/, t.lag + ' ms') : '–'], ['Records lost', lost ? h('span', {class: 'badtext'}, count(lost)) : '0'],
      ['Answers kept', count(t.payloadsStored)], ['Copies not compared', e ? count(e.pairsDropped) : '–'], ['Late blocks', e ? count(e.lateBlocks) : '–'], ['Labels not acknowledged', count(state.outcomes.unacknowledged)], ['On disk', bytes(t.storedBytes)],
      t.droppedRecords ? ['Expired', count(t.droppedRecords)] : null, t.damagedRecords ? ['Damaged', count(t.damagedRecords)] : null, t.writeFailures ? ['Failed writes', h('span', {class: 'badtext'}, count(t.writeFailures))] : null]));
  }

  function stages(model) {
    card('stages', 'card w12', ['Where the time goes ', h('small', {}, 'last minute, ms')], model.stages, () => {
      const body = model.stages.length ? h('details', {}, h('summary', {}, model.stages.length + (model.stages.length === 1 ? ' measured stage' : ' measured stages')), table(['Measured by', 'Stage', 'Arm', 'Calls', 'p50', 'p90', 'p95', 'p99'], model.stages.map(s => row(s.service, s.stage, [s.role, s.version].filter(Boolean).join(' '), count(s.latency.count), ms(s.latency.p50), ms(s.latency.p90), ms(s.latency.p95), ms(s.latency.p99)))))
        : h('p', {class: 'empty'}, 'Routers and model servers send the stages of their calls every few seconds.');
      return body;
    });
  }

  function lookup() {
    card('lookup', 'card w12', 'One call', 'lookup', look);
  }
  function look() {
    const input = h('input', {type: 'text', 'aria-label': 'Prediction id', placeholder: 'Look up a call by its prediction id', spellcheck: 'false'});
    const out = h('pre', {hidden: '', 'aria-live': 'polite'});
    const form = h('form', {class: 'pick'}, input, h('button', {type: 'submit'}, 'Look up'));
    form.addEventListener('submit', async event => {
      event.preventDefault();
      if (!input.value.trim()) return;
      let found;
      try {
        found = JSON.stringify(await (await fetch('/api/predictions/' + encodeURIComponent(input.value.trim()))).json(), null, 1);
      } catch (e) { found = 'The collector does not answer.'; }
      out.textContent = found;
      out.hidden = false;
    });
    return [form, out];
  }

  function current() { return state.models.find(m => m.model === chosen) || state.models[0]; }

  function draw() {
    const loading = document.getElementById('loading');
    if (loading) main.replaceChildren();
    for (const entry of cards.values()) entry.used = false;
    place = 0;
    const model = current();
    const nav = document.getElementById('models');
    const names = state.models.map(m => m.model);
    const key = JSON.stringify([names, model && model.model]);
    if (nav.dataset.key !== key) {
      nav.dataset.key = key;
      nav.replaceChildren(...(names.length > 1 ? names : []).map(name => {
        const button = h('button', {type: 'button', 'aria-current': name === model.model ? 'true' : undefined}, name);
        button.addEventListener('click', () => { chosen = name; draw(); });
        return button;
      }));
    }
    trouble();
    if (model) {
      hero(model); verdict(model); timeline(model); arms(model); evidence(model); decisions(model); charts(model);
    } else {
      card('hero', 'hero', '', 'none', () => [h('p', {class: 'over'}, 'Understudy'), h('h1', {}, 'Waiting for the first call'), h('p', {class: 'meta'}, 'Point a client of the Open Inference Protocol at the router, or run ', h('code', {}, './understudy demo'), '.')]);
    }
    truth(model); routers(); health();
    if (model) { stages(model); lookup(); }
    for (const [id, entry] of cards) if (!entry.used) { entry.box.remove(); cards.delete(id); }
    document.title = model ? `${model.headline} – Understudy` : 'Understudy';
    document.getElementById('about').textContent = 'Collector since ' + new Date(state.started).toLocaleString('en-GB') + ' · totals count from then';
  }

  // ---- the connection ----
  const link = document.getElementById('link'), lost = document.getElementById('lost');
  function say(css, text) {
    if (link.className !== css) link.className = css;
    const span = document.getElementById('link-text');
    if (span.textContent !== text) span.textContent = text;
  }
  function take(text) {
    state = JSON.parse(text);
    heard = Date.now();
    lost.hidden = true;
    draw();
  }
  let events = null;
  function listen() {
    if (events) events.close();
    events = new EventSource('/events');
    events.addEventListener('state', event => { take(event.data); say('live', 'live'); });
    events.onerror = () => { if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000); };
  }
  setInterval(() => {
    if (!heard || Date.now() - heard < 3000) return;
    const when = clock(heard);
    say('lost', 'no connection');
    const text = `The collector does not answer since ${when}. What you see is from then; this page tries again by itself.`;
    if (lost.textContent !== text) lost.textContent = text;
    lost.hidden = false;
    if (events && events.readyState === EventSource.OPEN && Date.now() - heard > 10000) listen();
  }, 1000);
  const first = document.getElementById('state').textContent;
  if (first.startsWith('{')) {
    take(first);
    listen();
  } else {
    fetch('/api/state').then(answer => answer.ok ? answer.text() : Promise.reject(answer.status)).then(take)
      .catch(why => { const loading = document.getElementById('loading'); if (loading) loading.textContent = 'The collector does not answer (' + why + '). Trying again …'; })
      .finally(listen);
  }
})();
