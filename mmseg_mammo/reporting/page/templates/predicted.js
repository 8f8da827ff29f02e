// What the viewer shows of a predicted image, of which no truth is known.
const DIGITS = { score: 3, presence: 3, area_mm2: 1 }; // all others are whole numbers

function amount(item, model, score) {
  const value = scoreOf(item, model, score);
  return value === null ? '–' : value.toFixed(DIGITS[score] ?? 0);
}

function predictionPanel(item, model) {
  const prediction = item.predictions[model];
  const regions = scoreOf(item, model, 'regions');
  const candidates = item.candidates?.[model];
  return panel(item, model, { prediction, candidates }, `${data.names.score} ${amount(item, model, 'score')}`,
    prediction ? `${regions} ${regions === 1 ? 'region' : 'regions'}` : 'nothing marked', candidateWords(candidates));
}

function panels(item, models) {
  return [panel(item, 'Image', {}), ...models.map((model) => predictionPanel(item, model))];
}

/** What is known of the image, and links to its files. */
function facts(item) {
  const known = Object.entries(item.facts).filter(([, value]) => value);
  return [
    ...known.map(([name, value]) => make('li', {}, make('span', {}, data.names[name]), ` ${value}`)),
    ...Object.entries(item.files ?? {}).map(([name, href]) => make('li', {}, make('a', { href }, name))),
  ];
}

function scoreTable(item, models) {
  const rows = models.flatMap((model) => Object.keys(item.scores[model]).map((score) => make('tr', {},
    make('th', { scope: 'row' }, data.names[score]),
    make('td', { class: 'number' }, amount(item, model, score)))));
  return make('table', {}, make('caption', {}, 'Marks on this image'), make('tbody', {}, ...rows));
}
