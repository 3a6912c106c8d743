// The viewer inside a drawing: it stands at the end of its <svg>, which is whole without it. People get it without
// comments, needless spaces and long names: those with a $ (see browser.py), and only with the parts that their picture
// can use. What a key does, a button of the bar does too.
(() => {
const s = document.currentScript?.closest('svg');
if (!s) return;
const $each = (q, f) => q.forEach(f), $all = q => [...s.querySelectorAll(q)], $rect = g => g.getBoundingClientRect(), {max, min, abs, hypot} = Math,
$put = (g, o) => { for (const k in o) g.setAttribute(k, o[k]); return g },
$set = (g, k, on) => g.classList.toggle(k, !!on), $is = (g, q) => g.matches(q), $near = (e, q) => e?.target.closest(q),
$name = g => g.firstChild.textContent, $paper = matchMedia('print'), $focus = () => s.focus({preventScroll: 1}),
$page = s.closest('.tg-page'), $full = $page || s === document.documentElement, $top = $full ? 44 : 0, $one = 4 / 3,
[$map] = $all('.map'), [$input, $told] = $all('input,.told'),
$box = g => { const b = g.getBBox(), r = g.$half = [b.width / 2, b.height / 2]; g.$mid = g.$now = [b.x + r[0], b.y + r[1]] };
let {width: W, height: H} = s.viewBox.baseVal, [$view] = $all('.view'), [$store] = $all('.store'), V, E, F, P, A, $heads, n, $size,
$step, $to, $from, $backs, $around, $texts, k, x, y, w, h, $moved, $mouse = 0, $pin, $lit, $at = 0, $hits = [], $hit, $dragged, $aiming;

// What belongs where: the step at which a vertex or an arrow appears, the arrows from and to a vertex; and where it
// stands. Of a pair of arrows, the black one tells the ends. A thin line is hard to hit: an invisible thick twin below it
// takes the pointer.
const $read = () => {
  const $pairs = {};
  [V, E, F, P, $heads] = ['.node', '.edge', '.cluster', '.node,[data-of]', '.title,.caption'].map($all);
  A = [...P, ...E]; n = V.length; $size = [W, H]; $step = {}; $to = {}; $from = {};
  $each(V, (g, i) => { $step[g.id] = i; $put(g, {tabindex: 0}) });
  $each(P, g => g.$of = g.dataset.of || g.id);
  $each(A, g => g.$red = $is(g, '.bwd'));
  $each(E, g => {
    const i = g.id.slice(1), [t, h] = $pairs[i] ??= g.dataset.ends.split(' ');
    g.$ends = g.$red ? [h, t] : [t, h];
    if (!g.$red) { $step[h] ??= $step[t]; ($to[t] ??= []).push(h); ($from[h] ??= []).push(t) }
  });
  $each([...$heads, ...A, ...F, ...$all('.view text')], $box);
  $each(A, g => g.$step = g.$of ? $step[g.$of] : g.$red ? $step[g.$ends[1]] : max(...g.$ends.map(v => $step[v])));
  $backs = [...new Set(E.filter(g => g.$red).map(g => g.$step))];
  $each([...E, ...F], g => {
    const t = g.$line = g.querySelector('path,rect');
    g.$d = t.getAttribute('d'); g.$words = [...g.querySelectorAll('text')];
    t.before(g.$twin = $put(t.cloneNode(), {class: 'hit'}))
  });
  $each([...V, ...E], g => $put(g, {role: 'graphics-symbol'}));
  if (F[0]) $frames();
  if ($store) $boxes()
},

// Scale and place: a point of the picture times k, plus (x, y), is a pixel.
$draw = () => {
  $view.style.transform = `translate(${x}px,${y}px) scale(${k})`;
  if ($map) $watch()
},
$pan = (a, b) => { x += a; y += b; $moved = 1; $draw() },
$zoom = (f, a = w / 2, b = h / 2) => { f = min(30, max(.002, k * f)) / k; k *= f; $pan((a - x) * (1 - f), (b - y) * (1 - f)) },
$rest = (f, m) => { k = f; $moved = m; 
  [x, y] = [[w, W * k, 0], [h, H * k, $top]].map(([a, b, t], i) => a > b ? max(t, (a - b) / 2) : min(t, max(a - b, a / 2 - V[0]?.$now[i] * k))); $draw()
},
$fit = () => {
  $set(s, 'full', $full && !$paper.matches);
  $put(s, {width: W * $one, height: H * $one, viewBox: `0 0 ${W} ${H}`});
  if ($paper.matches) return;
  s.style.aspectRatio = W / H;
  s.removeAttribute('viewBox'); ({width: w, height: h} = $rect(s));
  $moved ? $draw() : $rest($full ? max($page ? .8 : $one, min($one, w / W)) : w / W)
},
$reveal = g => {
  const a = g.$now[0] * k + x, b = g.$now[1] * k + y;
  if (a < $top || a > w - $top || b < $top || b > h - $top) $pan(w / 2 - a, h / 2 - b)
},
$say = t => $told.textContent = t,

// What moves under a pointer that rests is not pointed at. An arrow is lit if both its ends are ancestors, or both descendants: that holds for an arrow back as for its twin.
$reach = (v, q) => { const r = new Set([v]); for (const u of r) q[u]?.forEach(t => r.add(t)); return r },
$show = v => {
  if (v === $lit) return;
  $lit = v; $set(s, 'on', v);
  const r = v ? [$reach(v, $to), $reach(v, $from)] : [];
  $each(A, g => $set(g, 'hl', r.some(q => (g.$ends || [g.$of]).every(v => q.has(v)))))
},
$light = e => $pin || $show($near(e, '.node,[data-of]')?.$of), $hover = e => $mouse === ($mouse = e.clientX + e.clientY / 1e4) || $light(e),

// The replay: whole at 0, then one vertex more at each step, then one gradient more, from the last to the first.
$go = j => {
  $at = max(0, min(n + $backs.length, j));
  const $late = $at > n, i = $late ? $backs[$at - n - 1] : $at - 1,
  $number = $at && $is(V[i], '.numbered') && V[i].lastChild.textContent.split(' | ')[+$late]?.trim();
  $press(); $set(s, 'step', $at);
  $each(A, g => {
    $set(g, 's', g.$red ? $late && g.$step >= i : $late || g.$step <= i); $set(g, 'now', g.$step === i && (!g.$red === !$late || $is(g, '.node')))
  });
  $say($at ? `${$late ? 'backward' : 'forward'} ${i + 1} / ${n}: ` + ($late ? E.filter(g => g.$red && g.$step === i).map(g => $name(g).split(' ')[0]).join(' + ') : $name(V[i]).split(', (')[0]) + ($number ? (' = ' + $number).replace('= ≈', '≈') : '') : '');
  if ($at) $reveal(V[i]);
  if ($at && document.activeElement?.matches('.node:not(.s)')) $focus()
},

// part: folding
// part: opening
// A click, Enter or Space: a frame folds, a closed box opens, a vertex keeps its light and copies its line.
$press = g => {
  if (F.includes(g)) return $fold(g);
  if ($store && g && $is(g, '[aria-expanded]')) return $open(g);
  const v = g?.$of, $line = g && $name(g).match(/[^\s,]+:\d+$/);
  $pin = v === $pin ? 0 : v; $show($pin);
  if ($line) { $say($line); navigator.clipboard?.writeText($line).then(() => $say('copied ' + $line), () => 0) }
},

$find = () => {
  const q = $input.value.toLowerCase();
  $each($hits, g => $set(g, 'cur'));
  $hits = [...F, ...V, ...E].filter(g => $set(g, 'got', q && g.textContent.toLowerCase().includes(q))); $hit = -1;
  $say(q && $hits.length + ' hits')
},
$next = () => {
  const m = $hits.length, g = $hits[$hit = ++$hit % m];
  if (!g) return;
  $each($hits, q => $set(q, 'cur', q === g)); g.$in?.forEach(f => f.$shut && $fold(f));
  if (k < .6) $zoom(1 / k);
  $reveal(g); $say(`${$hit + 1} / ${m}: ${$name(g)}`)
},
$ask = () => { if ($input.classList.toggle('in')) { $input.value = ''; $find(); $focus() } else $input.focus() },
$hide = c => $put($all(`[value=${c[2]}]`)[0], {'aria-pressed': s.classList.toggle(c)}),
$keys = {
  '+': () => $zoom(1.2), '-': () => $zoom(.8), 0: () => $rest(min(w / W, (h - $top) / H), 1), 1: () => $rest($one, 1), '/': $ask,
  Home: () => $go(0), ArrowLeft: () => $go($at - 1), ArrowRight: () => $go($at + 1), End: () => $go(1 / 0),
  f: () => $hide('nofwd'), b: () => $hide('nobwd'), Escape: () => $go(0)
},
// part: minimap
// The pointer: one drags, two pinch; a press that has moved is no click.
$down = new Map, $spot = e => { const o = $rect(s); return [e.clientX - o.x, e.clientY - o.y] },
$far = (a, b) => hypot(a[0] - b[0], a[1] - b[1]), $up = e => { $down.delete(e.pointerId); $aiming = 0 },
$hear = {
  pointerdown(e) {
    $dragged = 0;
    if (e.button || $near(e, '.bar *')) return;
    if ($aiming = $near(e, '.map')) $aim(e); else $down.set(e.pointerId, $spot(e))
  },
  pointermove(e) {
    const i = e.pointerId, p = $down.get(i), q = $spot(e), o = [...$down].find(d => d[0] !== i)?.[1];
    if ($aiming) return $aim(e);
    if (!p || !$dragged && $far(p, q) < 4) return;
    $dragged || s.setPointerCapture(i);
    $dragged = 1; $down.set(i, q);
    if (o) $zoom($far(q, o) / $far(p, o), ...o); else if ($full || $moved) $pan(q[0] - p[0], q[1] - p[1])
  },
  pointerup: $up, pointercancel: $up, mouseover: $hover, mouseleave: $hover, focusout() { $light() },
  wheel(e) { if ($full && self === top || e.ctrlKey) { e.preventDefault(); $zoom(2 ** (e.deltaY / -350), ...$spot(e)) } },
  focusin(e) { $light(e); if ($full && $near(e, '.node,.cluster')) $reveal(e.target) },
  click(e) { const f = $keys[$near(e, 'button')?.value]; f ? f() : $dragged || $near(e, '.map,.bar') || $press($near(e, '.cluster,.node,[data-of]')) }
};
for (const t in $hear) s.addEventListener(t, $hear[t], {passive: 0});
$input.oninput = $find;
($page || s).addEventListener('keydown', e => {
  if (e.ctrlKey | e.metaKey | e.altKey) return;
  const $key = e.key, g = $near(e, '.cluster,.node'), $enter = $key === 'Enter', $way = e.shiftKey && {Left: [80, 0], Right: [-80, 0], Up: [0, 80], Down: [0, -80]}[$key.slice(5)];
  if (e.target === $input) { if ($enter) $next(); else if ($key === 'Escape') $ask(); else return }
  else if ($way) $pan(...$way);
  else if ($keys[$key]) $keys[$key]();
  else if (g && ($enter || $key === ' ')) $press(g);
  else return;
  e.preventDefault()
});
$paper.onchange = $fit; $read(); if ($map) $start(); $set(s, 'live', 1); $each($all('button'), b => b.title = `${b.getAttribute('aria-label')} (${b.value})`); $fit(); new ResizeObserver($fit).observe(s)
})();
