// What computes a live picture anew. PROGRAM has the arrays, `forward` and `backward`; TABLES what is changed and shown.
(() => {
const s = document.currentScript.closest('svg');
if (!s) return;
PROGRAM
// A value is an array, where it begins there, a shape and strides; of each entry: a name, its vertex, its value, the parts
// of its gradient, and of what can be changed the least and greatest number and what kind it is: 1 whole, 2 above zero.
const [$entries, $edges] = TABLES,
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
$title = (g, value, eps, gradient) => {
  const t = g?.querySelector('title');
  if (!t) return;
  let text = t.textContent;
  if (value) text = text.replace(/(value|min)\s[^,\n]*(,\smean\s[^,\n]*,\smax\s[^,\s]*)?/, $statistics(value, eps));
  if (gradient) text = text.replace(/norm\s[^,\n]*/, 'norm ' + $norm(gradient));
  t.textContent = text
},
// A gradient that another rounding of the inputs changes as a whole is rounding alone.
$noise = (parts, list, most) => {
  const size = Math.max(...list.map(Math.abs));
  if (!(size > 0 && size < 1e-9 * most)) return 0;
  const other = $others.get(parts);
  return other && Math.max(...list.map((v, i) => Math.abs(v - other[i]))) > .1 * size
},
$others = new Map,
$runs = () => forward() || backward(),
$all = [...$entries.map(e => e[3]), ...$edges.map(e => e[4])].filter(parts => parts.length),
$compute = () => {
  const $kept = $entries.filter(e => e.length > 4 && !(e[6] & 1)).map(e => [e[2][0], e[2][0].slice()]);
  for (const [a] of $kept) for (let i = 0; i < a.length; i++) a[i] *= 1 + (i % 2 ? 2e-12 : -3e-12);
  $others.clear();
  if (!$runs()) for (const parts of $all) $others.set(parts, $sum(parts));
  for (const [a, before] of $kept) a.set(before);
  return $runs()
},
$node = id => id && s.getElementById(id),
$show = () => {
  const wrong = $compute();
  s.classList.toggle('other', !!wrong);
  $told.textContent = wrong ? 'these numbers take another way than those that were drawn: the picture does not follow' : '';
  if (wrong) return;
  const $found = new Map, $most = Math.max(...$all.flatMap(parts => { const list = $sum(parts); $found.set(parts, list); return list.map(Math.abs) }), 0),
  $said = (parts, shape, eps) => { const list = $found.get(parts); return list ? $noise(parts, list, $most) ? '≈ 0' : $brief(list, shape, eps) : '' };
  for (const [, id, value, parts] of $entries) {
    const g = $node(id);
    if (!g) continue;
    const list = $numbers(value), eps = $eps(value), back = $said(parts, value[2], eps);
    const texts = g.querySelectorAll('text'), shape = g.querySelector('rect,circle');
    if (texts.length > 1) $put(texts[texts.length - 1], $brief(list, value[2], eps) + (back && ' | ' + back), (shape.getAttribute('width') ?? 2 * shape.getAttribute('r')) - 8);
    $title(g, list, eps, $found.get(parts))
  }
  for (const [id, before, value, red, parts, room] of $edges) {
    const g = $node(id), list = red ? $found.get(parts) : $numbers(value), eps = $eps(value);
    if (!g || !list) continue;
    if (before != null) {
      const text = red ? $said(parts, value[2], eps) : $brief(list, value[2], eps);
      $put(g.querySelector('text'), (before && before + (text[0] == '≈' ? ' ' : ' = ')) + text, room)
    }
    $title(g, list, eps, red && list)
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
$limits = () => $entry.slice(4),
$later = () => $wanted ||= requestAnimationFrame(() => { $wanted = 0; $show() }),
$set = (i, v) => {
  const [low, high, kind] = $limits();
  if (!isFinite(v) || kind & 2 && v < 0) return;
  $entry[2][0][$place(i)] = kind & 1 ? Math.round(v) : v;
  $later()
},
$slide = v => { const [low, high, kind] = $limits(); return kind & 2 && low > 0 ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low) },
$from = t => { const [low, high, kind] = $limits(); return kind & 2 && low > 0 ? low * (high / low) ** t : low + t * (high - low) },
$cells = () => {
  const list = $numbers($entry[2]), parts = $entry[3], back = parts.length && $sum(parts);
  $table.querySelectorAll('td').forEach((td, i) => {
    const [input, small] = td.children;
    if (input.value !== undefined && document.activeElement != input) input.value = +list[i].toPrecision(6);
    else if (input.value === undefined) input.textContent = $digits(list[i], 4);
    if (back) { small.textContent = $digits(back[i], 4); input.setAttribute('aria-description', 'gradient ' + small.textContent) }
  });
  $range.value = 1000 * $slide(list[$cell])
},
$pick = k => {
  $entry = $entries[k]; $cell = 0; $list.value = k;
  const shape = $entry[2][2], row = shape.at(-1) ?? 1, n = $numbers($entry[2]).length, can = $entry.length > 4;
  $table.textContent = ''; $range.hidden = !can;
  for (let i = 0, tr; i < n; i++) {
    if (i % row == 0) $table.append(tr = document.createElementNS($table.namespaceURI, 'tr'));
    const make = q => document.createElementNS($table.namespaceURI, q), td = make('td'), input = make(can ? 'input' : 'span'), small = make('small');
    if (can) {
      Object.assign(input, {type: 'number', step: 'any', onfocus() { $cell = i; $name(); $cells() }, oninput() { if (input.value !== '') $set(i, +input.value) }, onblur() { $cells() }});
      input.onkeydown = e => {
        const way = {ArrowUp: 1, ArrowDown: -1}[e.key], kind = $limits()[2];
        if (!way) return;
        e.preventDefault();
        const v = $entry[2][0][$place(i)];
        $set(i, kind & 1 ? v + way : $from($slide(v) + way * (e.shiftKey ? .1 : .01)));
        input.value = +$entry[2][0][$place(i)].toPrecision(6)
      };
      let start;
      input.onpointerdown = e => { start = [e.clientX, $entry[2][0][$place(i)], 0] };
      input.onpointermove = e => {
        if (!start || !e.buttons || Math.abs(e.clientX - start[0]) < 4 && !start[2]) return;
        start[2] = 1; input.setPointerCapture(e.pointerId); e.preventDefault();
        $set(i, $from($slide(start[1]) + (e.clientX - start[0]) / 300));
        input.value = +$entry[2][0][$place(i)].toPrecision(6)
      };
      input.onpointerup = input.onpointercancel = () => start = 0
    }
    input.setAttribute('aria-label', $entry[0] + $index(i));
    td.append(input, small); tr.append(td)
  }
  $name(); $cells()
},
$name = () => $range.setAttribute('aria-label', `${$entry[0]}${$index($cell)}, slider`),
// A link tells what was changed: the number of the entry, of the element, and the number there.
$link = () => $entries.flatMap(([, , value, , ...can], k) => can.length ? $numbers(value).flatMap((v, i) => v === $first[k][i] ? [] : `${k}.${i}=${v}`) : []).join('&'),
$read = text => {
  for (const [, k, i, v] of text.matchAll(/(\d+)\.(\d+)=([-+.\de]+)/g)) {
    const found = $entries[k];
    if (!found || found.length < 5 || !(i < $first[k].length) || !isFinite(+v)) continue;
    $entry = found; $set(+i, +v)
  }
  $entry = $entries[0]
},
$reset = () => {
  $entries.forEach((e, k) => { if (e.length > 4) { const before = $entry; $entry = e; $first[k].forEach((v, i) => e[2][0][$place(i)] = v); $entry = before } });
  location.hash && history.replaceState(null, '', location.href.split('#')[0]);
  $show()
};
$entries.forEach(([name], k) => { const o = document.createElementNS($list.namespaceURI, 'option'); o.value = k; o.textContent = name; $list.append(o) });
$list.onchange = () => $pick(+$list.value);
$range.oninput = () => { $set($cell, $from($range.value / 1000)) };
const [$back, $copy] = $panel.querySelectorAll('button');
$back.onclick = $reset;
$copy.onclick = () => {
  const text = $link();
  location.hash = text || '_';
  navigator.clipboard?.writeText(location.href).then(() => $told.textContent = 'link copied', () => $told.textContent = 'the link stands in the address')
};
s.addEventListener('click', e => { const id = e.target.closest('.node')?.id, k = $entries.findIndex(q => q[1] == id); if (id && k >= 0) $pick(k) });
$panel.addEventListener('keydown', e => e.stopPropagation());
for (const t of ['pointerdown', 'click', 'wheel']) $panel.addEventListener(t, e => e.stopPropagation());
$panel.removeAttribute('display');
if (!$whole) s.after($panel.firstElementChild), $panel.remove();
$read(location.hash.slice(1)); $pick(0); $show()
})();
