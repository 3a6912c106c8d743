// The minimap, where one may lose one's way: every vertex, and the part in sight, which can be moved. Texts are laid out
// anew whenever their scale changes: in a large picture, only those are there that can be read now, and the rest is
// scaled in a box as a whole.
$survey = () => {
  $set(s, 'many', n > 100); $put($map, {viewBox: `0 0 ${W} ${H}`});
  $put($map.children[1], {d: V.map(g => `M${g.$now}h1`).join('')});
  $each($texts = $all('.view text'), t => t.$of = t.closest('.node,[data-of]') || t)
},
$start = () => {
  $survey();
  if (self.chrome) { const [g] = $all('.stage svg'); g.append($view); $view = $put(g, {width: W, height: H}) }
},
$watch = () => {
  $set(s, 'far', k < .2); $put($map.lastChild, {x: -x / k, y: -y / k, width: w / k, height: h / k});
  $each($texts, t => {
    const [a, b] = t.$of.$now, $out = k < .4 || abs(a * k + x - w / 2) > w || abs(b * k + y - h / 2) > h;
    if (t.$out !== $out) $set(t, 'out', t.$out = $out)
  })
},
$aim = e => { const m = $map.getScreenCTM(); $pan(w / 2 - (e.clientX - m.e) / m.a * k - x, h / 2 - (e.clientY - m.f) / m.a * k - y) },
