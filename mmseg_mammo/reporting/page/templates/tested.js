function predictionPanel(item, model) {
  if (!(model in item.predictions)) return make('p', { class: 'panel untested' }, make('b', {}, model), ' not tested on this image');
  const prediction = item.predictions[model];
  const points = item.points[model] ?? [];
  const candidates = item.candidates?.[model];
  const numbers = SHARES.map((score) => `${data.names[score]} ${percent(scoreOf(item, model, score))}`);
  return panel(item, model, { truth: item.truth, truthClass: 'truth also', prediction, points, candidates },
    ...numbers, prediction ? '' : 'empty prediction', points.length ? `prompts: ${points.length}` : '',
    candidateWords(candidates));
}

function panels(item, models) {
  return [
    panel(item, 'Image', {}),
    panel(item, 'Truth', { truth: item.truth }, item.truth ? '' : 'no lesion'),
    ...models.map((model) => predictionPanel(item, model)),
  ];
}

function facts(item) {
  return Object.entries(item.facts).filter(([, value]) => value).map(([name, value]) => {
    const marked = name === 'mask_kind' && value !== 'contour';
    return make('li', marked ? { class: 'badge' } : {},
      make('span', {}, data.names[name]), ` ${value}`);
  });
}

function scoreTable(item, models) {
  const names = [...SHARES, 'max_probability'];
  const titles = ['model', ...names.map((name) => data.names[name])];
  const number = (model, score) => {
    const value = scoreOf(item, model, score);
    const text = SHARES.includes(score) ? percent(value) : value?.toFixed(3) ?? '–';
    return make('td', { class: 'number' }, value === null ? text : make('data', { value }, text));
  };
  const head = titles.map((title) => make('th', { scope: 'col' }, title));
  const rows = models.map((model) => make('tr', {}, make('th', { scope: 'row' }, model),
    ...names.map((score) => number(model, score))));
  return make('table', {}, make('caption', {}, 'Scores of this image'),
    make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...rows));
}
