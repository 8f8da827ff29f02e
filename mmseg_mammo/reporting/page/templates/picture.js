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

/** A panel: the image under outlines and points, and a caption that says in words what is drawn. */
function panel(item, name, { truth = '', truthClass = 'truth', prediction = '', points = [] }, ...words) {
  const image = make('img', { src: `data:image/jpeg;base64,${item.image}`, alt: '' });
  image.width = item.width;
  image.height = item.height;
  const layer = document.createElementNS(SVG, 'svg');
  layer.setAttribute('viewBox', `0 0 ${item.width} ${item.height}`);
  layer.setAttribute('preserveAspectRatio', 'none');
  layer.setAttribute('aria-hidden', 'true');
  if (prediction) layer.append(vector(prediction, 'prediction'));
  if (truth) layer.append(vector(truth, 'halo ' + truthClass), vector(truth, truthClass));
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
