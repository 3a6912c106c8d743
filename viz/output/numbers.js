// Where numbers stand in the circles: that of the step.
$number = (v, q, t = v.matches('.numbered') && v.lastChild.textContent.split(' | ')[+q]?.trim()) =>
  (t ? ' = ' + t : '').replace('= ≈', '≈'),
