// The minimap, where one may lose one's way: every vertex, and the part in sight, which can be moved. Texts are laid out
// anew whenever their scale changes: in a large picture, only those are there that can be read now, and the rest is
// scaled in a box as a whole.
$survey = () => {
  $set(s, 'many', n > 100); $put($map, {viewBox: [0, 0, W, H]});
  $put($map.children[1], {d: V.map(g => 'M' + g.$now + 'h1').join('')});
  $each($texts = $all('.view text'), t => { t.$now || $box(t); t.$near = t.closest('.node,[data-of]') || t })
},
$start = () => {
  $survey();
  $map.onpointerdown = $map.onpointermove = e => {
    const m = $map.getScreenCTM();
    e.buttons && $pan(w / 2 - (e.x - m.e) / m.a * k - x, h / 2 - (e.y - m.f) / m.a * k - y)
  };
  if (self.chrome) { const [g] = $all('.stage svg'); g.append($view); $view = $put(g, {width: W, height: H}) }
},
$watch = () => {
  $set(s, 'far', k < .2); $put($map.lastChild, {x: -x / k, y: -y / k, width: w / k, height: h / k});
  $each($texts, t => {
    const [a, b] = t.$near.$now, _out = k < .4 || abs(a * k + x - w / 2) > w || abs(b * k + y - h / 2) > h;
    t.$out === _out || $set(t, 'out', t.$out = _out)
  })
},
