// Lights up what came from the same C line (data-k) while the pointer is on it; a click keeps it and brings the other columns
// to it. In the eBPF, verifier and native columns the instruction (data-s) is the finer join.
const all = [...document.querySelectorAll('.l[data-k], .l[data-s]')];
const byKey = Map.groupBy ? Map.groupBy(all, l => l.dataset.k) : all.reduce((m, l) => m.set(l.dataset.k, [...(m.get(l.dataset.k) || []), l]), new Map());
let lit = [], pinned = [];

function related(line) {
  const same = byKey.get(line.dataset.k) || [line];
  return line.dataset.s ? same.filter(l => !l.dataset.s || l.dataset.s === line.dataset.s) : same;
}
function mark(lines, name, old) {
  old.forEach(l => l.classList.remove(name));
  lines.forEach(l => l.classList.add(name));
  return lines;
}
function reveal(lines, except) {
  const seen = new Set([except]);
  for (const l of lines) {
    const body = l.closest('.body');
    if (seen.has(body) || l.closest('[hidden]')) continue;
    seen.add(body);
    body.scrollTo({ top: l.offsetTop - body.offsetTop - body.clientHeight / 3, behavior: 'smooth' });
  }
}
document.addEventListener('mouseover', e => {
  const line = e.target.closest('.l[data-k], .l[data-s]');
  lit = mark(line ? related(line) : [], 'same', lit);
});
document.addEventListener('click', e => {
  const title = e.target.closest('h2');
  if (title) return title.parentElement.classList.toggle('folded');
  const line = e.target.closest('.l[data-k], .l[data-s]');
  if (!line) return;
  pinned = mark(related(line), 'pin', pinned);
  reveal(pinned, line.closest('.body'));
});
document.addEventListener('change', e => {
  if (!e.target.matches('.pick')) return;
  const choices = e.target.parentElement.querySelectorAll(':scope > .choice');
  choices.forEach((c, i) => { c.hidden = i !== e.target.selectedIndex; });
});
