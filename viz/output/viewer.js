// The viewer inside a drawing: it stands at the end of its <svg>, which is whole without it. People get it without
// comments, needless spaces and long names: those with a $ (see browser.py), and only with the parts that their picture
// can use, and with the lines that name one of these at their end. What a key does, a button of the bar does too.
{
const s = document.currentScript?.closest('svg');
if (s) {
let {width: W, height: H} = s.viewBox.baseVal, {max, min, abs} = Math, V, E, F, A, n, k, x, y, w, h,
  $step, $to, $from, $times, $moved, $mouse, $pin, $lit, $at = 0, $hits = [], $hit, $dragged,
  P, $around, $heads, $size, // part: folding
  $texts, // part: minimap
$each = (q, f) => q.forEach(f), $all = (q, g = s) => [...g.querySelectorAll(q)], $rect = () => s.getBoundingClientRect(),
$put = (g, q) => { for (const k in q) g.setAttribute(k, q[k]); return g },
$set = (g, k, q) => g.classList.toggle(k, !!q), $near = (e, q = '.cluster,.node,[data-of]') => e?.target.closest(q),
$name = g => g.firstChild.textContent, $fill = (g, f) => g.firstChild.textContent = $name(g).replace('\n', f), $paper = matchMedia('print'), $focus = () => s.focus({preventScroll: 1}),
$page = s.closest('.tg-page'), $full = $page || !s.parentElement, $top = $full ? 44 : 0, $one = 4 / 3,
$box = g => { const b = g.getBBox(); g.$mid = g.$now = $plus([b.x, b.y], g.$half = [b.width / 2, b.height / 2]) },
$plus = (p, q, f = 1) => p.map((v, i) => v + f * q[i]),
[$view] = $all('.view'),
// The bar: of every button its key, its sign and what it does.
$bar = $view.insertAdjacentHTML('afterend', '<foreignObject class="bar"><div xmlns="http://www.w3.org/1999/xhtml">' + `+ + zoom in
- − zoom out
0 ▭ fit
1 1:1 natural size
/ ⌕ search
Home « whole figure
ArrowLeft ‹ step back
ArrowRight › step forward
End » last step
f f hide forward
b b hide backward`.replace(/(\S+)\s(\S+)\s(.+)/g, '<button value="$1" aria-label="$3" title="$3 ($1)">$2</button>') +
  '<input class="in" aria-label="search"/><p class="told" role="status"></p></div></foreignObject>'),
[$input, $told] = $all('.in,.told'),
[$map] = $all('.map'), // part: minimap
[$store] = $all('.store'), // part: opening

// What belongs where: the ends of an arrow, of which the black one of a pair tells them; the time at which it appears, or
// a vertex: vertices in their order, then back from the last to the first; the arrows from and to a vertex; and where it
// stands. A thin line is hard to hit: an invisible thick twin
// below it takes the pointer. An end of a line in what is told stands for what was told before: of a vertex, the line of the
// script; of an arrow, what the vertex tells that its value comes from, shape, dtype and numbers, or without these if red.
$read = () => {
  let _pairs = {}, _place;
  V = $all('.node'); E = $all('.edge'); F = $all('.cluster'); A = $all('.node,.edge,[data-of]');
  P = $all('.node,[data-of]'); // part: folding
  n = V.length; $step = {}; $to = {}; $from = {};
  $each(V, (g, i) => {
    $step[g.id] = i; g.tabIndex = 0;
    $fill(g, () => ', ' + _place);
    _place = (g.$place = $name(g).match(/[^\s,]+:\d+$/)) || _place
  });
  $each(A, g => { g.$red = g.matches('.bwd'); g.$ends = [g.$of = g.dataset.of || g.id]; if (g.id) g.role = 'graphics-symbol' });
  $each(E, g => {
    const [t, h] = _pairs[g.id.slice(1)] ??= g.dataset.ends.split(' ');
    $fill(g, () => ' ' + $name(V[$step[t]]).match(/(\([^()]*\)\s\w+,\s)(value|min)[^,]*(,\sm\w+\s[^,]*)*/)[+g.$red]);
    g.$ends = g.$red ? [h, t] : [t, h];
    if (!g.$red) { $step[h] ??= $step[t]; ($to[t] ??= []).push(h); ($from[h] ??= []).push(t) }
  });
  $each(A, g => {
    const q = g.$ends.map(v => $step[v]);
    $box(g); g.$time = g.$red ? 2 * n - min(...q) : max(...q)
  });
  $times = [...new Set([...V, ...E].map(g => g.$time))];
  $each([...E, ...F], g => { const [t] = $all('path,rect', g); g.$line = t; t.before(g.$twin = $put(t.cloneNode(), {class: 'hit'})) });
  F[0] && $frames(); // part: folding
  $store && $boxes() // part: opening
},

// Scale and place: a point of the picture times k, plus (x, y), is a pixel.
$draw = () => {
  $view.style.transform = `matrix(${[k,0,0,k,x,y]})`;
  $map && $watch() // part: minimap
},
$pan = (a, b = 0) => { x += a; y += b; $moved = 1; $draw() },
$zoom = (f, a = w / 2, b = h / 2) => { f = min(30, max(.002, k * f)) / k; k *= f; $pan((a - x) * (1 - f), (b - y) * (1 - f)) },
$rest = (f, m) => {
  k = f; $moved = m;
  [x, y] = [[w, W * k, 0], [h, H * k, $top]].map(([a, b, t], i) => a > b ? max(t, (a - b) / 2) : min(t, max(a - b, a / 2 - V[0]?.$now[i] * k))); $draw()
},
$fit = () => {
  const q = !$paper.matches;
  $set(s, 'full', $full && q);
  $put(s, {width: W * $one, height: H * $one, viewBox: [0, 0, W, H]});
  if (q) {
    s.style.aspectRatio = W / H;
    s.removeAttribute('viewBox'); ({width: w, height: h} = $rect());
    $moved ? $draw() : $rest($full ? max($page ? .8 : $one, min($one, w / W)) : w / W)
  }
},
$reveal = (g, [a, b] = $plus([x, y], g.$now, k)) => min(a, b, w - a, h - b) < $top && $pan(w / 2 - a, h / 2 - b),
$say = t => $told.textContent = t,

// What moves under a pointer that rests is not pointed at. An arrow is lit if both its ends are ancestors, or both
// descendants: that holds for an arrow back as for its twin.
$show = v => {
  if (v == $lit) return;
  $set(s, 'on', $lit = v);
  const _sets = [$to, $from].map(q => { const r = new Set([v]); $each(r, t => q[t]?.forEach(v => r.add(v))); return r });
  $each(A, g => $set(g, 'hl', _sets.some(q => g.$ends.every(v => q.has(v)))))
},
$light = e => $pin || $show($near(e)?.$of), $hover = e => $mouse == ($mouse = e.x + e.y / 1e4) || $light(e),

// The replay: whole at 0, then one vertex more at each step, then one gradient more, from the last to the first.
$go = i => {
  $at = max(0, min($times.length, i));
  const _time = $times[$at - 1], _late = _time > n, v = V[i = _late ? 2 * n - _time : _time], _sum = [];
  $press(); $set(s, 'step', v); $say('');
  $each(A, g => {
    $set(g, 's', g.$time <= _time);
    $set(g, 'now', g == v || g.$time == _time) && g.$line && _sum.push($name(g).split(' ')[0])
  });
  if (!v) return;
  $say(`${_late?'back':'for'}ward ${i+1} / ${n}: ` + (_late ? _sum.join(' + ') : $name(v).split(', (')[0])
    + $number(v, _late) // part: numbers
  );
  $reveal(v);
  $all('.node:focus:not(.s)')[0] && $focus()
},

// part: numbers
// part: folding
// part: opening
// A click, Enter or Space: a frame folds, a closed box opens, a vertex keeps its light and copies its line.
$press = g => {
  if (g?.$turn) return g.$turn(); // part: folding
  const v = g?.$of, _line = g?.$place;
  $show($pin = v == $pin ? 0 : v);
  if (_line) { $say(_line); navigator.clipboard?.writeText(_line).then(() => $say('copied ' + _line), () => 0) }
},

$find = () => {
  const q = $input.value.toLowerCase();
  $hits = [...F, ...V, ...E].filter(g => $set(g, 'cur') || $set(g, 'got', q && g.textContent.toLowerCase().includes(q))); $hit = -1;
  $say(q && $hits.length + ' hits')
},
$next = () => {
  const m = $hits.length, g = $hits[$hit = ++$hit % m];
  if (!g) return;
  $each($hits, q => $set(q, 'cur', q == g));
  g.$in?.forEach(f => f.$shut && f.$turn()); // part: folding
  k < .6 && $zoom(1 / k);
  $reveal(g); $say($hit + 1 + ` / ${m}: ` + $name(g))
},
$ask = () => { if ($input.classList.toggle('in')) { $input.value = ''; $find(); $focus() } else $input.focus() },
$hide = q => $all(`[value=${q}]`)[0].ariaPressed = s.classList.toggle('no' + q),
$keys = {
  '+': () => $zoom(1.2), '-': () => $zoom(.8), 0: () => $rest(min(w / W, (h - $top) / H), 1), 1: () => $rest($one, 1), '/': $ask,
  Home: () => $go(0), ArrowLeft: () => $go($at - 1), ArrowRight: () => $go($at + 1), End: () => $go(1 / 0),
  f: $hide, b: $hide, Escape: () => $go(0)
},
// part: minimap
// The pointer: one drags, two pinch; a press that has moved is no click.
$down = {}, $spot = (e, q = $rect()) => [e.x - q.x, e.y - q.y],
$far = (a, b) => Math.hypot(...$plus(a, b, -1)), $up = e => delete $down[e.pointerId],
$hear = {
  pointerdown(e) {
    $dragged = 0;
    e.button || $near(e, '.map,.bar') || ($down[e.pointerId] = $spot(e))
  },
  pointermove(e) {
    const i = e.pointerId, p = $down[i], q = $spot(e), a = $down[Object.keys($down).find(t => t != i)];
    if (!p || !$dragged && $far(p, q) < 4) return;
    s.setPointerCapture(i); $dragged = 1; $down[i] = q;
    a ? $zoom($far(q, a) / $far(p, a), ...a) : ($full || $moved) && $pan(...$plus(q, p, -1))
  },
  pointerup: $up, pointercancel: $up, mouseover: $hover, mouseleave: $hover, focusout() { $light() },
  wheel(e) { if ($full && self == top || e.ctrlKey) { e.preventDefault(); $zoom(2 ** (e.deltaY / -350), ...$spot(e)) } },
  focusin(e) { $light(e); $full && $near(e) && $reveal(e.target) },
  click(e) {
    const q = $near(e, 'button')?.value, f = $keys[q];
    f ? f(q) : $dragged || $near(e, '.map,.bar') || $press($near(e))
  },
  keydown(e) {
    const _key = e.key, g = $near(e),
      _way = e.shiftKey && {Left: [80], Right: [-80], Up: [0, 80], Down: [0, -80]}[_key.slice(5)],
      f = e.target == $input ? {Enter: $next, Escape: $ask}[_key] : _way ? () => $pan(..._way)
        : $keys[_key] || g && {Enter: 1, ' ': 1}[_key] && (() => $press(g));
    if (!f || e.ctrlKey || e.metaKey || e.altKey) return;
    f(_key); e.preventDefault()
  }
};
for (const t in $hear) (t == 'keydown' && $page || s).addEventListener(t, $hear[t], {passive: 0});
$input.oninput = $find;
$paper.onchange = $fit; $read();
$map && $start(); // part: minimap
$fit(); new ResizeObserver($fit).observe(s)
}
}
