// The viewer of single images. Only the cases of one page are ever drawn.
const CASES_PER_PAGE = 24;
const SVG = 'http://www.w3.org/2000/svg';
const SHARES = ['dice', 'iou']; // scores that are shown in percent

const data = JSON.parse(byId('data').textContent);

/* ---- One case ---- */

function vector(path, name) {
  const element = document.createElementNS(SVG, 'path');
  element.setAttribute('d', path);
  element.setAttribute('class', name);
  return element;
}

/** The crop of a candidate with its number and its peak; the large view has those that were not kept, too. */
function crop(item, one, number) {
  const [left, top, right, bottom] = one.crop.map((share, side) => share * (side % 2 ? item.height : item.width));
  const kind = one.kept ? 'crop' : 'crop aside';
  const box = `M${left} ${top}H${right}V${bottom}H${left}z`;
  const peak = `M${one.x * item.width} ${one.y * item.height}h0`;
  const text = document.createElementNS(SVG, 'text');
  const size = 0.05 * Math.max(item.width, item.height);
  text.setAttribute('x', Math.max(left, 0) + 0.2 * size);
  text.setAttribute('y', Math.max(top, 0) + 0.9 * size);
  text.setAttribute('font-size', size);
  text.setAttribute('class', kind);
  text.textContent = number;
  return [vector(box, `halo ${kind}`), vector(box, kind), vector(peak, `ring ${kind}`), vector(peak, `peak ${kind}`), text];
}

/** What is said of candidates below a picture. */
function candidateWords(candidates) {
  if (!candidates) return '';
  return candidates.length ? `candidates: ${candidates.length}, ${candidates.filter((one) => one.kept).length} kept` : 'no candidate';
}

/** The candidates of the models of two stages; nothing without such a model. */
function candidateTables(item, models) {
  const known = models.filter((model) => item.candidates?.[model]?.length);
  if (!known.length) return [];
  const judged = known.some((model) => item.candidates[model].some((one) => one.found !== null));
  const titles = ['model', 'candidate', 'score', "finder's score", 'kept', ...(judged ? ['holds a lesion'] : [])];
  const yes = (value) => (value === null ? '–' : value ? 'yes' : 'no');
  const number = (value) => make('td', { class: 'number' }, value.toFixed(3));
  const rows = known.flatMap((model) => item.candidates[model].map((one, place) => make('tr', {},
    make('th', { scope: 'row' }, model), make('td', { class: 'number' }, `${place + 1}`),
    number(one.score), number(one.finder_score), make('td', {}, yes(one.kept)),
    ...(judged ? [make('td', {}, yes(one.found))] : []))));
  const head = titles.map((title) => make('th', { scope: 'col' }, title));
  return [make('table', { class: 'candidates' }, make('caption', {}, 'Candidates, best first'),
    make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...rows))];
}

/** A panel: the image under outlines and points, and a caption that says in words what is drawn. */
function panel(item, name, { truth = '', truthClass = 'truth', prediction = '', points = [], candidates = [] }, ...words) {
  const image = make('img', { src: `data:image/jpeg;base64,${item.image}`, alt: '' });
  image.width = item.width;
  image.height = item.height;
  const layer = document.createElementNS(SVG, 'svg');
  layer.setAttribute('viewBox', `0 0 ${item.width} ${item.height}`);
  layer.setAttribute('preserveAspectRatio', 'none');
  layer.setAttribute('aria-hidden', 'true');
  if (prediction) layer.append(vector(prediction, 'prediction'));
  if (truth) layer.append(vector(truth, 'halo ' + truthClass), vector(truth, truthClass));
  for (const parts of candidates.map((one, place) => crop(item, one, place + 1)).reverse()) layer.append(...parts);
  for (const [x, y, label] of points) {
    const place = `M${x * item.width} ${y * item.height}h0`; // a round cap of constant size
    for (const ring of ['ring', 'point', ...(label === 0 ? ['hole'] : [])]) layer.append(vector(place, ring));
  }
  const picture = make('div', { class: 'picture' }, image, layer);
  picture.style.aspectRatio = `${item.width} / ${item.height}`;
  return make('figure', { class: 'panel' }, picture,
    make('figcaption', {}, make('b', {}, name), ...words.filter(Boolean).map((text) => make('span', {}, text))));
}

const percent = (value) => (value == null ? '–' : `${(100 * value).toFixed(1)} %`);
const scoreOf = (item, model, score) => item.scores[model]?.[score] ?? null;
