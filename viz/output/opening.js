// A box that was closed when it was drawn: the picture with all of them open is in the file, packed. It takes the place
// of this one, with every other box folded.
$boxes = () => self.DecompressionStream && $each(V, g => $store.dataset.frames.split(' ').includes(g.id) && $put(g, {role: 'button', 'aria-expanded': false})),
$open = async g => {
  const {frames, size} = $store.dataset, $bytes = Uint8Array.from(atob($store.textContent), c => c.charCodeAt()), p = g.$now,
  $text = await new Response(new Blob([$bytes]).stream().pipeThrough(new DecompressionStream('deflate'))).text();
  if (!$store) return;
  $store = 0; $go(0);
  $all('.view')[0].innerHTML = $text; [W, H] = size.split(' ').map(Number); $read();
  $each(F, f => $shut(f, f.id !== g.id && frames.split(' ').includes(f.id)));
  const f = F.find(f => f.id === g.id);
  $settle(f.$words[0], p); f.focus()
},
