// The viewer inside a drawing: it stands at the end of its <svg>, which is whole without it. People get it without
// comments, needless spaces and long names: those with a $ (see browser.py). What a key does, a button of the bar does too.
(() => {
const s = document.currentScript?.closest('svg');
if (!s) return;
const $each = (q, f) => q.forEach(f), $all = q => [...s.querySelectorAll(q)], $rect = g => g.getBoundingClientRect(), {max, min, abs, hypot} = Math,
$put = (g, o) => { for (const k in o) g.setAttribute(k, o[k]); return g },
$set = (g, k, on) => g.classList.toggle(k, !!on), $is = (g, q) => g.matches(q), $near = (e, q) => e?.target.closest(q),
$name = g => g.firstChild.textContent, $paper = matchMedia('print'), $focus = () => s.focus({preventScroll: 1}),
$page = s.closest('.tg-page'), $full = $page || s === document.documentElement, $top = $full ? 44 : 0, $one = 4 / 3,
V = $all('.node'), E = $all('.edge'), F = $all('.cluster'), P = [...V, ...$all('[data-of]')], A = [...P, ...E], $heads = $all('.title,.caption'),
n = V.length, [$map] = $all('.map'), $step = {}, $around = {}, $to = {}, $from = {},
$box = g => { const b = g.getBBox(), r = g.$half = [b.width / 2, b.height / 2]; g.$mid = g.$now = [b.x + r[0], b.y + r[1]] };
let {width: W, height: H} = s.viewBox.baseVal, [$view] = $all('.view'), $texts, k, x, y, w, h, $moved, $mouse = 0, $pin, $lit, $at = 0, $hits = [], $hit, $dragged, $aiming;
const $size = [W, H];

// What belongs where: the step at which a vertex or an arrow appears, the frames around it, what it is made of; and
// where it stands. A thin line is hard to hit: an invisible thick twin below it takes the pointer.
$each(V, (g, i) => { $step[g.id] = i; $put(g, {tabindex: 0}) });
$each([...P, ...F], g => { g.$of = g.dataset.of || g.id; $around[g.$of] = g.$in = g.dataset.in?.split(' ').map(i => F.find(f => f.id === i)) || [] });
$each(A, g => g.$red = $is(g, '.bwd'));
$each(E, g => {
  const {tail: t, head: h} = g.dataset;
  g.$ends = [t, h]; g.$in = $around[t]?.filter(f => $around[h]?.includes(f)) || [];
  if (!g.$red) { $step[h] ??= $step[t]; ($to[t] ??= []).push(h); ($from[h] ??= []).push(t) }
});
$each([...$heads, ...A, ...F, ...$all('.view text')], $box);
$each(A, g => g.$step = g.$of ? $step[g.$of] : g.$red ? $step[g.$ends[1]] : max(...g.$ends.map(v => $step[v])));
$each([...E, ...F], g => {
  const t = g.$line = g.querySelector('path,rect');
  g.$d = t.getAttribute('d'); g.$words = [...g.querySelectorAll('text')];
  t.before(g.$twin = $put(t.cloneNode(), {class: 'hit'}))
});
$each([...V, ...E], g => $put(g, {role: 'graphics-symbol'}));
$each(F, g => { g.$need = [2.3 * g.$words[0].$half[0] + 50, 44]; $put(g, {tabindex: 0, role: 'button', 'aria-expanded': true}) });

// Scale and place: a point of the picture times k, plus (x, y), is a pixel. Texts are laid out anew whenever their scale
// changes: in a large picture, only those are there that can be read now, and the rest is scaled in a box as a whole.
const $draw = () => {
  $view.style.transform = `translate(${x}px,${y}px) scale(${k})`;
  if (!$map) return;
  $set(s, 'far', k < .2); $put($map.lastChild, {x: -x / k, y: -y / k, width: w / k, height: h / k});
  $each($texts, t => {
    const [a, b] = t.$of.$now, $out = k < .4 || abs(a * k + x - w / 2) > w || abs(b * k + y - h / 2) > h;
    if (t.$out !== $out) $set(t, 'out', t.$out = $out)
  })
},
$pan = (a, b) => { x += a; y += b; $moved = 1; $draw() },
$zoom = (f, a = w / 2, b = h / 2) => { f = min(30, max(.002, k * f)) / k; k *= f; $pan((a - x) * (1 - f), (b - y) * (1 - f)) },
$rest = (f, m) => { k = f; $moved = m; 
  [x, y] = [[w, W * k, 0], [h, H * k, $top]].map(([a, b, t], i) => a > b ? max(t, (a - b) / 2) : min(t, max(a - b, a / 2 - V[0]?.$now[i] * k))); $draw()
},
$fit = () => {
  $set(s, 'full', $full && !$paper.matches);
  const viewBox = `0 0 ${W} ${H}`;
  $put(s, {width: W * $one, height: H * $one, viewBox}); if ($map) $put($map, {viewBox});
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
$backs = [...new Set(E.filter(g => g.$red).map(g => g.$step))],
$go = j => {
  $at = max(0, min(n + $backs.length, j));
  const $late = $at > n, i = $late ? $backs[$at - n - 1] : $at - 1;
  $press(); $set(s, 'step', $at);
  $each(A, g => {
    $set(g, 's', g.$red ? $late && g.$step >= i : $late || g.$step <= i); $set(g, 'now', g.$step === i && (!g.$red === !$late || $is(g, '.node')))
  });
  $say($at ? `${$late ? 'backward' : 'forward'} ${i + 1} / ${n}: ` + ($late ? E.filter(g => g.$red && g.$step === i).map(g => $name(g).split(' ')[0]).join(' + ') : $name(V[i]).split(', (')[0]) : '');
  if ($at) $reveal(V[i]);
  if ($at && document.activeElement?.matches('.node:not(.s)')) $focus()
},

// A frame folds, and the picture draws together: what stays keeps its size and its order from left to right and from top
// to bottom; only room that nobody needs any more is left out, along each axis by itself: a map of old places to new.
$inside = (f, p, m) => f && p.every((v, i) => abs(v - f.$mid[i]) < f.$half[i] + m), $outer = q => q?.find(f => f.$shut),
$layout = () => {
  const $solid = [[], []], $closed = F.filter(f => (f.$dots = []) && f.$shut && !$outer(f.$in)),
  $keep = (g, m) => $each($solid, (q, i) => q.push([g.$mid[i] - g.$half[i] - m, g.$mid[i] + g.$half[i] + m]));
  $each([...A, ...F], g => { const b = g.$words?.[0] || g; $set(g, 'in', $outer(g.$in)) || g.$ends || $keep(b, 12) });
  // Of an arrow into a closed frame, or out of one, what lies outside is drawn.
  $each(E, g => {
    const [a, b] = g.$ends.map(v => $outer($around[v])), $point = l => { const q = g.$line.getPointAtLength(l); return [q.x, q.y] };
    $put(g.$line, {d: g.$d}); g.$cut = 0;
    if ($is(g, '.in')) return;
    if (a || b) {
      let i = 0, j = g.$line.getTotalLength(), l;
      while (i < j && $inside(a, $point(i), 0)) i++;
      while (i < j && $inside(b, $point(j), 8)) j--;
      for (g.$cut = [], l = i; l < j; l += 4) g.$cut.push($point(l));
      g.$cut.push($point(j)); $each([[a, i], [b, j]], ([f, l]) => { const m = $point(l); $keep({$mid: m, $half: [9, 9]}, 0); f?.$dots.push(m) })
    }
    $each(g.$words, t => $set(t, 'in', $inside(a, t.$mid, 0) || $inside(b, t.$mid, 0)) || $keep(t, 2))
  });
  const $maps = $solid.map((q, j) => {
    const $hard = [], $rate = [], $sum = [0];
    $each(q, ([a, b]) => { for (a |= 0; a <= b; a++) $hard[a] = 1 });
    $each($closed, f => {
      let $room = 0, $need = f.$need[j], a = f.$mid[j] - f.$half[j] | 0, b = f.$mid[j] + f.$half[j], i;
      for (i = a; i < b; i++) $hard[i] ? $need-- : $room++;
      for (i = a; i < b; i++) $rate[i] = max($rate[i] || 0, min(1, $need / $room))
    });
    for (let i = 0; i <= $size[j]; i++) $sum.push($sum[i] + ($hard[i] ? 1 : $rate[i] ?? 1));
    return v => { const i = min(v, $size[j]) | 0; return $sum[i] + (v - i) * ($sum[i + 1] - $sum[i]) }
  }),
  $into = p => p.map((v, i) => $maps[i](v)),
  $move = (g, q) => { q = g.$now = q || $into(g.$mid); $put(g, {transform: `translate(${q[0] - g.$mid[0]},${q[1] - g.$mid[1]})`}) },
  $trace = (g, o) => { $put(g.$line, o); $put(g.$twin, o) };
  [W, H] = $into($size);
  $each($heads, g => { W = max(W, 2 * g.$half[0] + 20); $move(g, [W / 2, $into(g.$mid)[1]]) });
  $each(P, g => $move(g));
  $each(F, f => {
    const [p, q] = [-1, 1].map(t => $into(f.$mid.map((v, i) => v + t * f.$half[i]))), t = f.$words[0];
    // Closed, it is as large as its title and the arrows that end at it.
    if (f.$dots[0]) $each(f.$need, (r, i) => {
      r /= 2;
      const d = f.$dots.map(m => $into(m)[i]), a = min(...d) - 14, b = max(...d) + 14, c = max(p[i] + r, min(q[i] - r, (a + b) / 2));
      p[i] = max(p[i], min(a, c - r)); q[i] = min(q[i], max(b, c + r))
    });
    f.$now = [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
    $trace(f, {x: p[0], y: p[1], width: q[0] - p[0], height: q[1] - p[1]}); $move(t, f.$shut && f.$now)
  });
  $each(E, g => {
    g.$now = $into(g.$mid); $each(g.$words, t => $move(t));
    $trace(g, {d: g.$cut ? 'M' + g.$cut.map($into).join('L') : g.$d.replace(/[\d.]+,[\d.]+/g, p => $into(p.split(',')))})
  })
},
$fold = f => {
  const t = f.$words[0], [a, b] = t.$now;
  $set(f, 'closed', f.$shut = !f.$shut); $put(f, {'aria-expanded': !f.$shut});
  $layout(); $survey(); $fit();
  if ($moved) $pan((a - t.$now[0]) * k, (b - t.$now[1]) * k)
},
// A click, Enter or Space: a frame folds, a vertex keeps its light and copies its line.
$press = g => {
  if (g?.$words) return $fold(g);
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
  $each($hits, q => $set(q, 'cur', q === g)); $each(g.$in, f => f.$shut && $fold(f));
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
// The minimap, where one may lose one's way: every vertex, and the part in sight, which can be moved.
$survey = () => {
  if (!$map) return;
  $put($map.children[1], {d: V.map(g => `M${g.$now}h1`).join('')});
  $each($texts = $all('.view text'), t => t.$of = t.closest('.node,[data-of]') || t)
};
$survey();
if ($map && self.chrome) { const [g] = $all('.stage svg'); g.append($view); $view = $put(g, {width: W, height: H}) }
$set(s, 'live', 1);

// The pointer: one drags, two pinch; a press that has moved is no click.
const [$input, $told] = $all('input,.told'), $down = new Map, $spot = e => { const o = $rect(s); return [e.clientX - o.x, e.clientY - o.y] },
$aim = e => { const m = $map.getScreenCTM(); $pan(w / 2 - (e.clientX - m.e) / m.a * k - x, h / 2 - (e.clientY - m.f) / m.a * k - y) },
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
$paper.onchange = $fit; $fit(); new ResizeObserver($fit).observe(s)
})();
