// Finds a symbol on a picture and reads it, whatever is printed around it and however it is turned.
// Refuses to guess: the symbol's own error correction decides what is a text, a signature what a card.
const SYMBOL_CELL = 8; // pixels of the picture, once it is at its working size
const SYMBOL_WORKING = 900; // pixels of the longer side in which symbols are looked for
const SYMBOL_SIDES = [420, 560]; // pixels of a straightened symbol, its white border included
const SYMBOL_TURNS = [0, 3, -3, 6, -6, 9, -9, 12, -12, 16, -16, 20, -20, 25, -25, 30, -30, 35, -35, 40, -40, 45];

// Squares of the picture that are about as dark as they are light: [centre x, centre y, side], the largest first.
function findSymbols(grey, width, height) {
  const cell = Math.max(4, Math.round((SYMBOL_CELL * Math.max(width, height)) / SYMBOL_WORKING));
  const columns = Math.floor(width / cell);
  const rows = Math.floor(height / cell);
  const busy = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let dark = 0;
      for (let y = row * cell; y < (row + 1) * cell; y += 1) {
        for (let x = column * cell; x < (column + 1) * cell; x += 1) dark += grey[y * width + x] < 128 ? 1 : 0;
      }
      const share = dark / (cell * cell);
      busy[row * columns + column] = share > 0.2 && share <= 1 ? 1 : 0;
    }
  }
  const found = [];
  const seen = new Uint8Array(columns * rows);
  for (let start = 0; start < busy.length; start += 1) {
    if (!busy[start] || seen[start]) continue;
    const queue = [start];
    seen[start] = 1;
    let count = 0;
    let [left, right, top, bottom] = [columns, 0, rows, 0];
    while (queue.length) {
      const at = queue.pop();
      const [x, y] = [at % columns, Math.floor(at / columns)];
      count += 1;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      for (const [nx, ny] of [[x + 1, y], [x - 1, y], [x, y + 1], [x, y - 1]]) {
        const next = ny * columns + nx;
        if (nx >= 0 && ny >= 0 && nx < columns && ny < rows && busy[next] && !seen[next]) {
          seen[next] = 1;
          queue.push(next);
        }
      }
    }
    const [across, down] = [(right - left + 1) * cell, (bottom - top + 1) * cell];
    if (count >= 36 && across < 2 * down && down < 2 * across) {
      found.push({ x: left * cell + across / 2, y: top * cell + down / 2, across, down, count });
    }
  }
  return found.sort((one, other) => other.count - one.count).slice(0, 4);
}

// A square of the picture around a point, turned, as a new square picture; white where the picture ends.
function straighten(grey, width, height, place, side, degrees, size) {
  const out = new Uint8ClampedArray(size * size);
  const angle = (degrees * Math.PI) / 180;
  const [cosine, sine, step] = [Math.cos(angle), Math.sin(angle), side / size];
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const dx = (column - size / 2) * step;
      const dy = (row - size / 2) * step;
      const x = place.x + dx * cosine - dy * sine;
      const y = place.y + dx * sine + dy * cosine;
      const [x0, y0] = [Math.floor(x), Math.floor(y)];
      if (x0 < 0 || y0 < 0 || x0 >= width - 1 || y0 >= height - 1) {
        out[row * size + column] = 255;
        continue;
      }
      const [fx, fy, at] = [x - x0, y - y0, y0 * width + x0];
      const above = grey[at] * (1 - fx) + grey[at + 1] * fx;
      const below = grey[at + width] * (1 - fx) + grey[at + width + 1] * fx;
      out[row * size + column] = above * (1 - fy) + below * fy;
    }
  }
  return out;
}

// The text of the symbol that fills a grey picture, or null.
export function decodeGrey(ZXing, grey, width, height) {
  const hints = new Map([[ZXing.DecodeHintType.TRY_HARDER, true]]);
  for (const binarizer of [ZXing.HybridBinarizer, ZXing.GlobalHistogramBinarizer]) {
    try {
      const light = new ZXing.RGBLuminanceSource(grey, width, height);
      return new ZXing.DataMatrixReader().decode(new ZXing.BinaryBitmap(new binarizer(light)), hints).getText();
    } catch {
      continue; // nothing to read this way: whatever the reader stumbled on, the next way is tried
    }
  }
  return null;
}

// The side of a square, seen turned by so much, in a box as wide as it is.
function sideWithin(box, degrees) {
  const angle = (Math.abs(degrees) * Math.PI) / 180;
  return Math.max(box.across, box.down) / (Math.cos(angle) + Math.sin(angle));
}

// The text of a symbol somewhere on a grey picture, or null.
export function readGrey(ZXing, grey, width, height) {
  const whole = decodeGrey(ZXing, grey, width, height);
  if (whole) return whole;
  for (const place of findSymbols(grey, width, height)) {
    for (const size of SYMBOL_SIDES) {
      for (const degrees of SYMBOL_TURNS) {
        const side = sideWithin(place, degrees) * 1.07;
        const text = decodeGrey(ZXing, straighten(grey, width, height, place, side, degrees, size), size, size);
        if (text) return text;
      }
    }
  }
  return null;
}
