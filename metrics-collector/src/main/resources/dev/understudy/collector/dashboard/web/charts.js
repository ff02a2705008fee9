// Small line and band charts in SVG. Everything is set through the DOM, nothing through markup.
'use strict';
const Charts = (() => {
  const NS = 'http://www.w3.org/2000/svg';
  const W = 560;

  function node(name, attributes, text) {
    const made = document.createElementNS(NS, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function nice(top) {
    if (!(top > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(top));
    for (const step of [1, 1.5, 2, 3, 4, 5, 6, 8, 10]) if (top <= step * power) return step * power;
    return 10 * power;
  }

  function span(ms) {
    const seconds = Math.round(ms / 1000);
    if (seconds < 120) return seconds + ' s ago';
    const minutes = Math.round(seconds / 60);
    return minutes < 120 ? minutes + ' min ago' : Math.round(minutes / 60) + ' h ago';
  }

  /**
   * lines: [{points: [[ms, value|null]], css}], options: {height, label, unit(value), top, low, marks: [{value, text}]}.
   */
  function lines(all, options) {
    const height = options.height || 150, left = 46, right = 8, up = 8, down = 20;
    const points = all.flatMap(line => line.points);
    const values = points.map(p => p[1]).filter(v => v !== null);
    for (const mark of options.marks || []) values.push(mark.value);
    const svg = node('svg', {viewBox: `0 0 ${W} ${height}`, class: 'chart', role: 'img', 'aria-label': options.label});
    if (!values.length) return null;
    let from = Math.min(...points.map(p => p[0])), to = Math.max(...points.map(p => p[0]));
    if (to - from < 30000) from = to - 30000;
    const low = options.low === undefined ? 0 : Math.min(options.low, ...values);
    const top = low < 0 ? Math.max(1, ...values) * 1.08 : nice(Math.max(...values) * 1.04);
    const x = ms => left + (W - left - right) * (ms - from) / (to - from);
    const y = value => up + (height - up - down) * (1 - (value - low) / (top - low));
    const ticks = low < 0 ? [low, 0, top] : [0, top / 2, top];
    for (const tick of ticks) {
      svg.append(node('line', {x1: left, x2: W - right, y1: y(tick), y2: y(tick), class: tick === low ? 'axis' : 'grid'}));
      svg.append(node('text', {x: left - 6, y: y(tick) + 4, 'text-anchor': 'end'}, options.unit(tick)));
    }
    svg.append(node('text', {x: left, y: height - 5}, span(to - from)));
    svg.append(node('text', {x: W - right, y: height - 5, 'text-anchor': 'end'}, 'now'));
    for (const mark of options.marks || []) {
      svg.append(node('path', {d: `M${left} ${y(mark.value)}H${W - right}`, class: 'stop'}));
      svg.append(node('text', {x: W - right, y: y(mark.value) + 13, 'text-anchor': 'end', class: 'stoptext'}, mark.text));
    }
    for (const line of all) {
      let d = '', pen = 'M', last = null;
      for (const [ms, value] of line.points) {
        if (value === null) { pen = 'M'; continue; }
        d += pen + x(ms).toFixed(1) + ' ' + y(value).toFixed(1);
        pen = 'L'; last = [ms, value];
      }
      if (d) svg.append(node('path', {d, class: line.css}));
      if (last && line.points.length === 1) svg.append(node('path', {d: `M${x(last[0])} ${y(last[1])}h.1`, class: line.css}));
    }
    return svg;
  }

  /** Changed decisions by tenth of the champion's score: upwards to positive, downwards to negative. */
  function bands(rows, label) {
    const height = 150, left = 46, right = 8, up = 10, down = 34;
    const highest = Math.max(1, ...rows.flat());
    const svg = node('svg', {viewBox: `0 0 ${W} ${height}`, class: 'chart', role: 'img', 'aria-label': label});
    const middle = up + (height - up - down) / 2, half = (height - up - down) / 2;
    const step = (W - left - right) / rows.length;
    svg.append(node('text', {x: left - 6, y: up + 6, 'text-anchor': 'end'}, '+' + highest.toLocaleString('en')));
    svg.append(node('text', {x: left - 6, y: height - down + 2, 'text-anchor': 'end'}, '−' + highest.toLocaleString('en')));
    rows.forEach(([positive, negative], i) => {
      const x = left + i * step + step * .14, width = step * .72;
      const above = half * positive / highest, below = half * negative / highest;
      if (above) svg.append(node('rect', {x, y: middle - above, width, height: above, rx: 2, class: 'pos'}));
      if (below) svg.append(node('rect', {x, y: middle, width, height: below, rx: 2, class: 'neg'}));
      svg.append(node('text', {x: left + i * step, y: height - down + 17, 'text-anchor': 'middle'}, (i / rows.length).toFixed(1)));
    });
    svg.append(node('text', {x: W - right, y: height - down + 17, 'text-anchor': 'end'}, '1'));
    svg.append(node('text', {x: left, y: height - 3}, "champion's score"));
    svg.append(node('line', {x1: left, x2: W - right, y1: middle, y2: middle, class: 'axis'}));
    return svg;
  }

  return {lines, bands};
})();
