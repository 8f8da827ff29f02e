/* ---- All cases ---- */

/** The place of a case in the random order of a seed: it does not depend on the filters. */
function shuffled(seed, index) {
  let hash = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
  for (const factor of [0x2c1b3c6d, 0x297a2d39]) hash = Math.imul(hash ^ (hash >>> 15), factor);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** The cases that pass the filters, in the chosen order; those without a score come last. */
function choose(cases, settings) {
  const wanted = Object.entries(settings).filter(([name, value]) => name.startsWith('is.') && value);
  const { sort, score, model, seed } = settings;
  const rank = (item) => {
    if (sort === 'random') return shuffled(Number(seed), item.index);
    const value = scoreOf(item, model, score);
    return value === null ? Infinity : sort === 'best' ? -value : value;
  };
  return cases
    .filter(({ facts }) => wanted.every(([name, value]) => (facts[name.slice(3)] || 'not known') === value))
    .map((item) => [rank(item), item])
    .sort(([a, first], [b, second]) => (a === b ? first.index - second.index : a - b))
    .map(([, item]) => item);
}

function startViewer() {
  data.cases.forEach((item, index) => Object.assign(item, { index, id: `${item.facts.dataset}/${item.key}` }));
  const [body, form, list, large] = ['viewer-body', 'controls', 'cases', 'large'].map(byId);
  const fields = [...form.elements].filter((field) => field.name);
  const defaults = new Map(fields.map((field) => [field, field.value]));
  let matching = [];
  let page = 0;
  let opened = null; // place in `matching` of the case in the large view

  const models = () => data.models.filter((model) => !fields.some(
    (field) => field.name === 'hide' && field.value === model && !field.checked));

  /** Unticked boxes and changed values: the settings as they stand in the address. */
  function state() {
    const changed = new URLSearchParams();
    for (const field of fields) {
      const isBox = field.type === 'checkbox';
      if (isBox ? !field.checked : field.value !== defaults.get(field)) changed.append(field.name, field.value);
    }
    if (page) changed.set('page', page + 1);
    if (opened !== null) changed.set('case', matching[opened].id);
    return changed;
  }

  const remember = () => history.replaceState(null, '', `#${state().toString() || 'viewer'}`);

  function restore() {
    const linked = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) {
      if (field.type === 'checkbox') field.checked = !linked.getAll(field.name).includes(field.value);
      else field.value = linked.get(field.name) ?? defaults.get(field);
      if (!field.value) field.value = defaults.get(field); // what the link asks for is not there
    }
    page = (parseInt(linked.get('page'), 10) || 1) - 1;
    show();
    const place = matching.findIndex((item) => item.id === linked.get('case'));
    if (place >= 0) open(place);
  }

  function show() {
    const settings = Object.fromEntries(fields.map((field) => [field.name, field.value]));
    matching = choose(data.cases, settings);
    form.elements.seed.disabled = settings.sort !== 'random';
    const pages = Math.max(1, Math.ceil(matching.length / CASES_PER_PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const first = page * CASES_PER_PAGE;
    const visible = matching.slice(first, first + CASES_PER_PAGE);
    body.style.setProperty('--panels', 2 + models().length);
    list.replaceChildren(...visible.map((item, place) => row(item, first + place)));
    byId('count').textContent = `${matching.length} of ${data.cases.length} cases`;
    byId('page-place').textContent = `${page + 1} of ${pages}`;
    byId('page-back').disabled = page === 0;
    byId('page-on').disabled = page === pages - 1;
    dress();
  }

  /** Settings that need no new drawing. */
  function dress() {
    const { opacity, truth, crops } = form.elements;
    byId('large-opacity').value = opacity.value;
    body.style.setProperty('--opacity', opacity.value);
    body.classList.toggle('truth-apart', !truth.checked);
    body.classList.toggle('crops-apart', crops?.checked === false);
  }

  function row(item, place) {
    const element = byId('case-template').content.cloneNode(true).firstElementChild;
    const button = element.querySelector('.open');
    button.textContent = item.key;
    button.dataset.place = place;
    element.querySelector('.facts').append(...facts(item));
    element.querySelector('.panels').append(...panels(item, models()));
    element.addEventListener('click', ({ target }) => target.closest('.open, .panels') && open(place));
    return element;
  }

  function open(place) {
    opened = Math.min(Math.max(place, 0), matching.length - 1);
    const item = matching[opened];
    byId('large-title').textContent = item.key;
    byId('large-place').textContent = `case ${opened + 1} of ${matching.length}`;
    byId('large-body').replaceChildren(make('ul', { class: 'facts' }, ...facts(item)),
      make('div', { class: 'panels' }, ...panels(item, models())), scoreTable(item, models()),
      ...candidateTables(item, models()));
    if (!large.open) large.showModal();
    remember();
  }

  form.addEventListener('input', ({ target }) => {
    if (['opacity', 'truth', 'crops'].includes(target.name)) dress();
    else { page = target.name === 'hide' ? page : 0; show(); }
    remember();
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(() => { page = 0; show(); remember(); }));
  const turn = (step) => {
    page += step;
    show();
    remember();
    list.scrollIntoView();
  };
  byId('page-back').addEventListener('click', () => turn(-1));
  byId('page-on').addEventListener('click', () => turn(1));
  byId('large-back').addEventListener('click', () => open(opened - 1));
  byId('large-on').addEventListener('click', () => open(opened + 1));
  byId('large-close').addEventListener('click', () => large.close());
  byId('large-opacity').addEventListener('input', ({ target }) => {
    form.elements.opacity.value = target.value;
    dress();
    remember();
  });
  large.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.target.tagName === 'INPUT') return;
    event.preventDefault();
    open(opened + step);
  });
  large.addEventListener('close', () => {
    const place = opened;
    opened = null;
    page = Math.floor(place / CASES_PER_PAGE);
    show();
    remember();
    list.querySelector(`[data-place="${place}"]`)?.focus();
  });
  const isSettings = () => location.hash.includes('=');
  window.addEventListener('hashchange', () => isSettings() && restore());
  body.hidden = false;
  if (isSettings()) {
    restore();
    byId('viewer').scrollIntoView();
  } else show();
}

startViewer();
performance.mark('viewer-ready');
