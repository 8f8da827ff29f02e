'use strict';
// Theme and sortable tables; viewer.js follows in the same script where there are cases.

const byId = (id) => document.getElementById(id);

/** A new element with attributes and children (elements or text). */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function startTheme() {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const button = byId('theme');
  let chosen = null;
  const show = () => {
    const dark = chosen ?? system.matches;
    if (chosen !== null) document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    button.textContent = dark ? 'Light theme' : 'Dark theme';
  };
  button.addEventListener('click', () => { chosen = !(chosen ?? system.matches); show(); });
  system.addEventListener('change', show);
  button.hidden = false;
  show();
}

/** Sort the rows by a column: rising, falling, and back to the order of the report. */
function startSorting(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    const text = cell.querySelector('data')?.value ?? cell.textContent.replace('\u2212', '-');
    if (!cell.classList.contains('number')) return text;
    const found = text.match(/-?\d+(\.\d+)?(e[+-]?\d+)?/i);
    return found ? Number(found[0]) : NaN;
  };
  const compare = (a, b) => (typeof a === 'string' ? a.localeCompare(b) : a - b);
  heads.forEach((head, column) => {
    const button = make('button', { type: 'button' }, ...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const next = { ascending: 'descending', descending: null }[head.getAttribute('aria-sort')];
      const direction = next === undefined ? 'ascending' : next;
      for (const other of heads) other.removeAttribute('aria-sort');
      if (direction) head.setAttribute('aria-sort', direction);
      const keyed = original.map((row) => [key(row, column), row]);
      const blank = (value) => Number.isNaN(value);
      const sign = direction === 'descending' ? -1 : 1;
      if (direction) {
        keyed.sort(([a], [b]) => blank(a) - blank(b) || (blank(a) ? 0 : sign * compare(a, b)));
      }
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

startTheme();
document.querySelectorAll('table.sortable').forEach(startSorting);
