// What computes a live picture anew. PROGRAM has the arrays, `forward` and `backward`; TABLES what is changed and shown.
(() => {
const s = document.currentScript.closest('svg');
if (!s) return;
PROGRAM
// A view is an array, where it begins there, a shape and strides, and is told by its number. Of each entry: a name, its
// vertex, its value, the parts of its gradient, where its title tells of them (how many letters, and how many follow), and
// of what can be changed the least and greatest number and what kind it is: 1 whole, 2 above zero. Of each arrow: what
// stands before its number, a value, whether it is red, parts, its room, its title.
const [$views, ...$rows] = TABLES,
$dense = shape => shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1)),
$places = $views.map(([a, o = 0, shape = [], steps = $dense(shape)]) => [a, o, shape, steps]),
$entries = $rows[0].map(([name, id, value, parts, ...more]) => [name, id, $places[value], parts.map(p => $places[p]), ...more]),
$edges = $rows[1].map(([id, before, value, red, parts, ...more]) => [id, before, $places[value], red, parts.map(p => $places[p]), ...more]),
$panel = s.querySelector('.live'), [$list, $range, $told, $table] = $panel.querySelectorAll('select,input,output,table'),
$page = s.closest('.tg-page'), $whole = document.documentElement == s,
$numbers = ([a, o, shape, steps], found = []) => {
  const walk = (d, at) => { if (d == shape.length) found.push(a[at]); else for (let i = 0; i < shape[d]; i++) walk(d + 1, at + i * steps[d]) };
  walk(0, o);
  return found
},
$sum = parts => parts.map(p => $numbers(p)).reduce((a, b) => a.map((v, i) => v + b[i])),
// Digits as Python's %g: of a number that is halfway between two, the even one.
$digits = (v, p) => {
  if (v == 0) return '0';
  if (v != v) return 'nan';
  if (Math.abs(v) == 1 / 0) return v < 0 ? '-inf' : 'inf';
  let [m, e] = v.toExponential(p - 1).split('e');
  const [whole, at] = v.toExponential(60).split('e'), exact = whole.replace(/[-.]/g, '');
  if (/^50*$/.test(exact.slice(p)) && exact[p - 1] % 2 == 0) { m = (v < 0 ? '-' : '') + exact[0] + '.' + exact.slice(1, p); e = at }
  if (e < -4 || e >= p) return String(+m) + 'e' + (e < 0 ? '-' : '+') + String(Math.abs(e)).padStart(2, '0');
  return String(+`${m}e${e}`)
},
$shaped = (list, shape) => {
  if (!shape.length) return $digits(list[0], 3);
  const n = list.length / shape[0];
  return '[' + Array.from({length: shape[0]}, (_, i) => $shaped(list.slice(i * n, i * n + n), shape.slice(1))).join(', ') + ']'
},
$mean = (list, eps) => {
  let low = 1 / 0, high = -1 / 0, total = 0;
  for (const v of list) { low = Math.min(low, v); high = Math.max(high, v); total += v }
  const mean = total / list.length;
  return [low, high, Math.abs(mean) < 16 * eps * Math.max(-low, high) ? 0 : +mean.toPrecision(12)]
},
$eps = value => value[0] instanceof Float32Array ? 2 ** -23 : value[0] instanceof Float64Array ? 2 ** -52 : 0,
$brief = (list, shape, eps) => {
  if (list.length == 1) return $digits(list[0], 4);
  const full = list.length <= 6 ? $shaped(list, shape) : '';
  if (full && full.length <= 30) return full;
  const mean = list.reduce((a, b) => a + b) / list.length, square = list.reduce((a, v) => a + (v - mean) ** 2, 0);
  return $digits($mean(list, eps)[2], 3) + ' ± ' + $digits(Math.sqrt(square / list.length), 3)
},
$statistics = (list, eps) => {
  if (list.length == 1) return 'value ' + $digits(list[0], 4);
  const [low, high, mean] = $mean(list, eps);
  return `min ${$digits(low, 4)}, mean ${$digits(mean, 4)}, max ${$digits(high, 4)}`
},
$norm = list => $digits(Math.sqrt(list.reduce((a, v) => a + v * v, 0)), 4),
// All texts are written before the first is measured: a browser lays out anew for each that is measured after a change.
// One that is longer than the room that was made for it is drawn narrower.
$written = [],
$put = ($element, text, room) => {
  if (!$element || $element.textContent == text) return;
  $element.textContent = text;
  $element.removeAttribute('textLength');
  $written.push([$element, room])
},
$fit = () => {
  const long = $written.filter(([$element, room]) => $element.getComputedTextLength() > room);
  for (const [$element, room] of long) { $element.setAttribute('textLength', room); $element.setAttribute('lengthAdjust', 'spacingAndGlyphs') }
  $written.length = 0
},
// A title tells numbers between other words, which stay.
$title = (g, place, now) => {
  const t = g.querySelector('title');
  if (!t || !place) return;
  if (!g.words) { const text = t.textContent, end = text.length - place[1]; g.words = [text.slice(0, end - place[0]), text.slice(end)] }
  t.textContent = g.words[0] + now + g.words[1]
},
// A gradient that other roundings of the inputs change as a whole is rounding alone; one of them may round alike.
$noise = (parts, list, most, eps) => {
  const size = Math.max(...list.map(Math.abs));
  if (!(size > 0 && size < (eps > 1e-9 ? 4e-6 : 1e-9) * most)) return 0;
  return $others.some(other => Math.max(...other.get(parts).map((v, i) => Math.abs(v - list[i]))) > .1 * size)
},
$runs = () => forward() || backward(),
$all = [...$entries.map(e => e[3]), ...$edges.map(e => e[4])].filter(parts => parts.length),
$others = [],
$compute = () => {
  const $kept = $entries.filter(e => e.length > 5 && !(e[7] & 1)).map(e => [e[2][0], e[2][0].slice()]);
  $others.length = 0;
  for (const n of [2, 3, 5, 7]) {
    for (const [a, before] of $kept) for (let i = 0; i < a.length; i++) a[i] = before[i] * (1 + (i % n ? 2 : -3) * n * (a instanceof Float32Array ? 1e-6 : 1e-12));
    if (!$runs()) $others.push(new Map($all.map(parts => [parts, $sum(parts)])))
  }
  for (const [a, before] of $kept) a.set(before);
  return $runs()
},
$node = id => id && s.getElementById(id),
$show = () => {
  const wrong = $compute();
  s.classList.toggle('other', !!wrong);
  $told.textContent = wrong ? 'these numbers take another way than those that were drawn: the picture does not follow' : '';
  if (wrong) return;
  const $found = new Map, $most = Math.max(...$all.flatMap(parts => { const list = $sum(parts); $found.set(parts, list); return list.map(v => isFinite(v) ? Math.abs(v) : 0) }), 0),
  $said = (parts, shape, eps) => { const list = $found.get(parts); return list ? $noise(parts, list, $most, eps) ? '≈ 0' : $brief(list, shape, eps) : '' };
  for (const [, id, value, parts, told] of $entries) {
    const g = $node(id);
    if (!g) continue;
    const list = $numbers(value), eps = $eps(value), back = $said(parts, value[2], eps);
    const texts = g.querySelectorAll('text'), shape = g.querySelector('rect,circle');
    g.classList.toggle('bad', !list.every(isFinite));
    if (texts.length > 1) $put(texts[texts.length - 1], $brief(list, value[2], eps) + (back && ' | ' + back), (shape.getAttribute('width') ?? 2 * shape.getAttribute('r')) - 8);
    const flow = $found.get(parts);
    $title(g, told, $statistics(list, eps) + (flow ? ', gradient norm ' + $norm(flow) : ''))
  }
  for (const [id, before, value, red, parts, room, told] of $edges) {
    const g = $node(id), list = red ? $found.get(parts) : $numbers(value), eps = $eps(value);
    if (!g || !list) continue;
    if (before != null) {
      const text = red ? $said(parts, value[2], eps) : $brief(list, value[2], eps);
      $put(g.querySelector('text'), (before && before + (text[0] == '≈' ? ' ' : ' = ')) + text, room)
    }
    if (red) {
      const zero = list.every(v => v == 0), noise = !zero && $noise(parts, list, $most, eps);
      g.classList.toggle('zero', zero);
      if (zero || noise) g.setAttribute('stroke-dasharray', '5,2'); else g.removeAttribute('stroke-dasharray');
      $title(g, told, `norm ${$norm(list)}, ` + (zero ? 'all zero' : noise ? 'rounding alone, where exact arithmetic has zero' : $statistics(list, eps)))
    } else $title(g, told, $statistics(list, eps))
  }
  $fit();
  const bad = [...$found.values()].some(list => list.some(v => v != v));
  if (bad) $told.textContent = 'a gradient is NaN; where that comes from a branch that was not taken, the library looks again';
  $cells()
},
$first = $entries.map(e => $numbers(e[2]));
let $entry = $entries[0], $cell = 0, $wanted = 0;
const $place = i => {
  let [, o, shape, steps] = $entry[2];
  for (let d = shape.length; d--;) { o += i % shape[d] * steps[d]; i = Math.floor(i / shape[d]) }
  return o
},
$index = i => {
  const shape = $entry[2][2], at = [];
  for (let d = shape.length; d--;) { at.unshift(i % shape[d]); i = Math.floor(i / shape[d]) }
  return at.length ? `[${at.join(', ')}]` : ''
},
$limits = () => $entry.slice(5),
$later = () => $wanted ||= requestAnimationFrame(() => { $wanted = 0; $show() }),
// What an array cannot hold, or the slider's kind of number does not allow, is refused and said.
$set = (i, v) => {
  const kind = $limits()[2], a = $entry[2][0], at = $place(i), before = a[at];
  a[at] = v;
  if (isFinite(a[at]) && !(kind & 2 && v < 0) && (a[at] == v || a instanceof Float32Array) && !(kind & 1 && !Number.isSafeInteger(v))) return $later();
  a[at] = before;
  $told.textContent = `${$entry[0]}: ${v} is no number for it`
},
$slide = v => { const [low, high, kind] = $limits(); return kind & 2 && low > 0 ? v > 0 ? Math.log(v / low) / Math.log(high / low) : 0 : (v - low) / (high - low) },
$from = t => { const [low, high, kind] = $limits(), v = kind & 2 && low > 0 ? low * (high / low) ** t : low + t * (high - low); return kind & 1 ? Math.round(v) : v },
// What a cell shows: whole numbers with all of their digits.
$shown = v => $limits()[2] & 1 ? v : +v.toPrecision(6),
$cells = () => {
  const list = $numbers($entry[2]), parts = $entry[3], back = parts.length && $sum(parts);
  $table.querySelectorAll('td').forEach((td, i) => {
    const [input, small] = td.children;
    const fine = isFinite(list[i]); // a field for a number has no word for others
    if (input.value === undefined) input.textContent = $digits(list[i], 4);
    else if (document.activeElement != input) { input.value = fine ? $shown(list[i]) : ''; input.placeholder = fine ? '' : $digits(list[i], 4) }
    if (back) { small.textContent = $digits(back[i], 4); input.setAttribute('aria-description', 'gradient ' + small.textContent) }
  });
  $range.value = 1000 * $slide(list[$cell]);
  $range.setAttribute('aria-valuetext', $digits(list[$cell], 4))
},
$pick = k => {
  $table.textContent = ''; // a cell that had the focus is left while all is as it was
  $entry = $entries[k]; $cell = 0; $list.value = k;
  const shape = $entry[2][2], row = shape.at(-1) ?? 1, n = $numbers($entry[2]).length, can = $entry.length > 5;
  $range.hidden = !can;
  for (let i = 0, tr; i < n; i++) {
    if (i % row == 0) $table.append(tr = document.createElementNS($table.namespaceURI, 'tr'));
    const make = q => document.createElementNS($table.namespaceURI, q), td = make('td'), input = make(can ? 'input' : 'span'), small = make('small');
    if (can) {
      Object.assign(input, {type: 'number', step: 'any', onfocus() { $cell = i; $name(); $cells() }, oninput() { if (input.value !== '') $set(i, +input.value) }, onblur() { input.isConnected && $cells() }});
      input.onkeydown = e => {
        const way = {ArrowUp: 1, ArrowDown: -1}[e.key], kind = $limits()[2];
        if (!way) return;
        e.preventDefault();
        const v = $entry[2][0][$place(i)];
        $set(i, kind & 1 ? v + way : $from($slide(v) + way * (e.shiftKey ? .1 : .01)));
        input.value = $shown($entry[2][0][$place(i)])
      };
      let start;
      input.onpointerdown = e => { start = [e.clientX, $entry[2][0][$place(i)], 0] };
      input.onpointermove = e => {
        if (!start || !e.buttons || Math.abs(e.clientX - start[0]) < 4 && !start[2]) return;
        start[2] = 1; input.setPointerCapture(e.pointerId); e.preventDefault();
        $set(i, $from($slide(start[1]) + (e.clientX - start[0]) / 300));
        input.value = $shown($entry[2][0][$place(i)])
      };
      input.onpointerup = input.onpointercancel = () => start = 0
    }
    input.setAttribute('aria-label', $entry[0] + $index(i));
    td.append(input, small); tr.append(td)
  }
  $name(); $cells()
},
$name = () => $range.setAttribute('aria-label', `${$entry[0]}${$index($cell)}, slider`),
// A link tells what was changed, of each picture of a page by its key: the entry, the element, and the number there.
$label = s.getAttribute('aria-labelledby'),
$key = $label.slice(6) + ([...document.querySelectorAll(`svg[aria-labelledby="${$label}"]`)].indexOf(s) || ''),
$changed = () => $entries.flatMap(([, , value, , , ...can], k) => can.length ? $numbers(value).flatMap((v, i) => Object.is(v, $first[k][i]) ? [] : `${k}.${i}=${Object.is(v, -0) ? '-0' : v}`) : []).join('&'),
$restore = () => $entries.forEach((e, k) => { if (e.length > 5) { $entry = e; $first[k].forEach((v, i) => e[2][0][$place(i)] = v) } }),
$read = () => {
  const chosen = $entry, mine = location.hash.slice(1).split(';').find(part => part.startsWith($key + ':'));
  if (mine == null) return;
  $restore();
  for (const [, k, i, v] of mine.matchAll(/(\d+)\.(\d+)=([-+.\de]+)/g)) {
    const found = $entries[k];
    if (!found || found.length < 6 || !(i < $first[k].length)) continue;
    $entry = found; $set(+i, +v)
  }
  $entry = chosen
},
$rest = () => location.hash.slice(1).split(';').filter(part => part && !part.startsWith($key + ':')),
$reset = () => {
  const chosen = $entry, rest = $rest();
  $restore(); $entry = chosen;
  history.replaceState(null, '', location.href.split('#')[0] + (rest.length ? '#' + rest.join(';') : ''));
  $show()
};
$entries.forEach(([name], k) => { const o = document.createElementNS($list.namespaceURI, 'option'); o.value = k; o.textContent = name; $list.append(o) });
$list.onchange = () => $pick(+$list.value);
$range.oninput = () => { $set($cell, $from($range.value / 1000)) };
const [$back, $copy] = $panel.querySelectorAll('button');
$back.onclick = $reset;
$copy.onclick = () => {
  location.hash = [...$rest(), `${$key}:${$changed()}`].join(';');
  const there = () => $told.textContent = 'the link stands in the address';
  navigator.clipboard ? navigator.clipboard.writeText(location.href).then(() => $told.textContent = 'link copied', there) : there()
};
s.addEventListener('click', e => { const id = e.target.closest('.node')?.id, k = $entries.findIndex(q => q[1] == id); if (id && k >= 0) $pick(k) });
s.addEventListener('keydown', e => { const k = [' ', 'Enter'].includes(e.key) ? $entries.findIndex(q => q[1] && q[1] == e.target.id) : -1; if (k >= 0) $pick(k) });
const $inner = $panel.firstElementChild;
for (const t of ['keydown', 'pointerdown', 'click', 'wheel']) $inner.addEventListener(t, e => e.stopPropagation());
// Another address that tells nothing of this picture leaves it as it is.
addEventListener('hashchange', () => { if ($inner.contains(document.activeElement)) document.activeElement.blur(); $read(); $show() });
$panel.removeAttribute('display');
if (!$whole) s.after($inner), $panel.remove();
$read(); $pick(0); $show()
})();
