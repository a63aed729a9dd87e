// Checks a card against a list, in this device: docs/reference/self-check.md.
// Refuses to send anything of the card but the first bits of a hash that hundreds of cards share.
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LETTERS = 26;
const SECRET_AT = 16; // bytes before the secret in a symbol's payload
const SECRET_BYTES = 16;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const LINES = 15;
const PHOTO_SIDE = 1600;

const utf8 = new TextEncoder();

export class Told extends Error {}

export function normalise(text) {
  return text.trim().toUpperCase().replace(/O/g, "0").replace(/[IL]/g, "1").replace(/[-\s\u00a0\u202f]/g, "");
}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// The bytes that letters of base 32 begin with, from the left: of a symbol's text.
function readBytes(letters, size) {
  const bytes = new Uint8Array(size);
  let [held, bits, at] = [0, 0, 0];
  for (const letter of letters) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new Told("damaged");
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8 && at < size) {
      bits -= 8;
      bytes[at] = (held >> bits) & 0xff;
      at += 1;
    }
  }
  if (at < size) throw new Told("damaged");
  return bytes;
}

// The bytes of a number of 128 bits in 26 letters: two zero bits in front.
function readSecret(letters) {
  let number = 0n;
  for (const letter of letters) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new Told("damaged");
    number = (number << 5n) | BigInt(value);
  }
  if (number >> 128n) throw new Told("damaged");
  const bytes = new Uint8Array(SECRET_BYTES);
  for (let at = SECRET_BYTES - 1; at >= 0; at -= 1) {
    bytes[at] = Number(number & 0xffn);
    number >>= 8n;
  }
  return bytes;
}

// The secret of a card, from its symbol's text or from its code, with or without the line's letter.
export function readCard(text) {
  const letters = normalise(text);
  if (letters.startsWith("RP1") && letters.length > 100) {
    return { secret: readBytes(letters.slice(3), SECRET_AT + SECRET_BYTES).slice(SECRET_AT), scanned: true };
  }
  if (letters.length !== CODE_LETTERS && letters.length !== CODE_LETTERS + 1) throw new Told("damaged");
  return { secret: readSecret(letters.slice(0, CODE_LETTERS)), scanned: false };
}

export async function computeSerial(secret) {
  const digest = await crypto.subtle.digest("SHA-256", join(utf8.encode("rempart card serial v1\0"), secret));
  return new Uint8Array(digest).slice(0, 10);
}

export function writeSerial(serial) {
  let number = 0n;
  for (const byte of serial) number = (number << 8n) | BigInt(byte);
  let letters = "";
  for (let place = 0; place < 16; place += 1) {
    letters = ALPHABET[Number(number & 31n)] + letters;
    number >>= 5n;
  }
  return letters.match(/.{4}/g).join("-");
}

async function mac(key, ...parts) {
  const made = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", made, join(...parts)));
}

export async function computePrefix(realm, serial, bits) {
  const digest = await mac(utf8.encode(realm), utf8.encode("rempart self-check prefix v1\0"), serial);
  const first = new DataView(digest.buffer).getUint32(0);
  return bits ? first >>> (32 - bits) : 0;
}

const name = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

// What a bucket says of each line of a card.
export async function readBucket(bucket, salt, secret, size) {
  const entries = new Map();
  for (let at = 0; at + size <= bucket.length; at += size) {
    entries.set(name(bucket.subarray(at, at + TAG_BYTES)), bucket.subarray(at + TAG_BYTES, at + size));
  }
  const found = [];
  for (let line = 1; line <= LINES; line += 1) {
    const said = join(salt, Uint8Array.of(line));
    const tag = (await mac(secret, utf8.encode("rempart self-check tag v1\0"), said)).slice(0, TAG_BYTES);
    const sealed = entries.get(name(tag));
    if (sealed) found.push(await openEntry(sealed, await mac(secret, utf8.encode("rempart self-check key v1\0"), said), salt));
  }
  return found;
}

async function openEntry(sealed, raw, salt) {
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
  const opening = { name: "AES-GCM", iv: sealed.slice(0, NONCE_BYTES), additionalData: salt };
  const plain = new DataView(await crypto.subtle.decrypt(opening, key, sealed.slice(NONCE_BYTES)));
  return {
    line: plain.getUint8(1),
    certainty: plain.getUint8(2),
    doubt: plain.getUint8(3),
    number: plain.getUint32(4),
    exposed: plain.getBigUint64(8),
    notExposed: plain.getBigUint64(16),
  };
}

// ---------------------------------------------------------------- the page

function listFields(mask, words) {
  const list = document.createElement("ul");
  for (const [bit, label] of Object.entries(words.fields)) {
    if (!(mask & (1n << BigInt(bit)))) continue;
    list.append(Object.assign(document.createElement("li"), { textContent: label }));
  }
  return list;
}

function paragraph(text, css = "") {
  return Object.assign(document.createElement("p"), { textContent: text, className: css });
}

function showAnswers(place, answers, serial, words) {
  place.replaceChildren(paragraph(words.serial.replace("{serial}", serial), "small muted mono"));
  if (!answers.length) place.append(paragraph(words.none, "lead"));
  for (const answer of answers) {
    const title = answer.line === 1 ? words.holder : words.line.replace("{place}", answer.line);
    place.append(Object.assign(document.createElement("h3"), { textContent: title }));
    place.append(paragraph(words.certainties[answer.certainty], "lead"));
    if (answer.doubt) place.append(paragraph(words.doubts[answer.doubt - 1]));
    place.append(paragraph(words.read), listFields(answer.exposed, words));
    if (answer.notExposed) place.append(paragraph(words.notRead), listFields(answer.notExposed, words));
  }
  place.append(paragraph(words.others, "small muted"));
}

async function fetchBucket(pattern, list, prefix) {
  const address = pattern.replace("/0/0", `/${list.ref}/${prefix}`);
  let answer;
  try {
    answer = await fetch(address, { credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Told("failed");
  }
  if (answer.status === 429) throw new Told("tooMany");
  if (!answer.ok) throw new Told("failed");
  return new Uint8Array(await answer.arrayBuffer());
}

async function readPhoto(file, symbol) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, PHOTO_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
  const drawing = canvas.getContext("2d");
  drawing.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const { data } = drawing.getImageData(0, 0, canvas.width, canvas.height);
  const grey = new Uint8ClampedArray(data.length / 4);
  for (let at = 0; at < grey.length; at += 1) grey[at] = (306 * data[4 * at] + 601 * data[4 * at + 1] + 117 * data[4 * at + 2]) >> 10;
  const { readGrey } = await import(symbol);
  return readGrey(window.ZXing, grey, canvas.width, canvas.height);
}

async function check(panel, form, words) {
  const photo = form.querySelector("#card-photo").files[0];
  const typed = form.querySelector("#card-code").value;
  let text = typed;
  if (!typed.trim() && photo) {
    try {
      text = await readPhoto(photo, panel.dataset.symbol);
    } catch {
      text = null; // not a picture, or not one this browser opens
    }
    if (!text) throw new Told("damaged");
  }
  const card = readCard(text);
  const serial = await computeSerial(card.secret);
  const written = writeSerial(serial);
  const first = normalise(form.querySelector("#card-check").value).slice(0, 4);
  if (!card.scanned && first !== written.slice(0, 4)) throw new Told("mismatch");
  const list = JSON.parse(panel.dataset.lists)[Number(form.querySelector("#card-list").value)];
  const salt = Uint8Array.from(atob(list.salt), (letter) => letter.charCodeAt(0));
  const bucket = await fetchBucket(panel.dataset.bucket, list, await computePrefix(list.realm, serial, list.bits));
  return { answers: await readBucket(bucket, salt, card.secret, words.entry), serial: written };
}

const panel = globalThis.document?.getElementById("by-card");
if (panel && crypto.subtle) {
  const form = panel.querySelector("#card-form");
  const place = panel.querySelector("#card-reply");
  const words = JSON.parse(panel.dataset.words);
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    place.hidden = false;
    place.replaceChildren(paragraph(words.working));
    try {
      const { answers, serial } = await check(panel, form, words);
      showAnswers(place, answers, serial, words);
    } catch (failure) {
      place.replaceChildren(paragraph(words[failure instanceof Told ? failure.message : "failed"], "error"));
    }
    place.focus();
  });
}
