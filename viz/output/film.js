// The slider of a film. It stands before the viewer, which then measures the longest text of every place, and shows the
// last step when that has started. A row of the table: an element, an attribute ("" for the text), what stands before
// and after what changes, and that at each step, 0 for what it was; null for an attribute that is not there.
// What is kept on an element has a whole name, for the letters of short ones are the viewer's.
(() => {
const s = document.currentScript?.closest('svg');
if (!s) return;
const $steps = NAMES, $elements = s.querySelectorAll('.view *'), $page = s.closest('.tg-page'), $bar = s.querySelector('.steps'),
[$play, $input, $output] = $bar.children,
$put = ($element, $name, text) => {
  if (!$name) $element.textContent = text;
  else if ($name !== 'class') text === null ? $element.removeAttribute($name) : $element.setAttribute($name, text);
  else {
    $element.classList.remove(...$element.words);
    $element.classList.add(...($element.words = text.split(' ')))
  }
},
$rows = TABLE.map(([$place, $name, $before, $after, ...$found]) => {
  const $texts = [], $element = $elements[$place];
  for (const text of $found) $texts.push(text === 0 ? $texts.at(-1) : text === null ? text : $before + text + $after);
  if ($name === 'class') $element.words = $element.getAttribute($name).split(' ');
  return [$element, $name, $texts]
}),
$show = () => {
  for (const [$element, $name, $texts] of $rows) $put($element, $name, $texts[$input.value]);
  $input.setAttribute('aria-valuetext', $output.textContent = $steps[$input.value]);
  // What the replay has told is told anew, with the numbers of this step.
  if (s.matches('.step')) for (const key of ['ArrowLeft', 'ArrowRight']) s.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))
},
$go = $step => { $input.value = $step; $show() };
let $timer;
const $run = on => {
  clearInterval($timer);
  $timer = on && setInterval(() => { $go(+$input.value + 1); if ($input.value === $input.max) $run(0) }, 600);
  $play.textContent = on ? '❚❚' : '▶'; $play.setAttribute('aria-label', on ? 'pause' : 'play')
};
$play.onclick = () => { if (!$timer && $input.value === $input.max) $go(0); $run(!$timer) };
$input.oninput = () => { $run(0); $show() };
// Its own keys are the slider's, and not the viewer's.
$input.onkeydown = e => { if (/^(Arrow|Home|End|Page)/.test(e.key)) e.stopPropagation() };
for (const $place of $page ? [$page] : [s, $bar]) $place.addEventListener('keydown', e => {
  const $way = {',': -1, '.': 1}[e.key];
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches('input:not([type])')) return;
  if (e.key === 'p') $play.onclick();
  else if ($way) { $run(0); $go(+$input.value + $way) }
});
for (const [$element, $name, $texts] of $rows) if (!$name) $element.textContent = $texts.reduce((a, b) => b.length > a.length ? b : a);
s.ready = $show;
$bar.parentNode.removeAttribute('display');
// In a page of others the slider stands below the picture, and in a window of its own on it.
if (!$page && s !== document.documentElement) s.after($bar)
})();
