// Verifies a card and the signed documents beside it, with no network: docs/reference/card-format.md, in a browser.
// Refuses what the format refuses, in its order of reasons. Touches neither the page nor the disk.
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const FIRST_DAY = Date.UTC(2020, 0, 1);
const DAY_MS = 86400000;
const KINDS = { keys: "rempart card keys v1", revocations: "rempart card revocations v1", domains: "rempart card domains v1" };
const CARD_DOMAIN = "rempart card v1\0";
const KEY_DOMAIN = "rempart card key v1\0";
const SERIAL_DOMAIN = "rempart card serial v1\0";
const COLOURS = {
  genuine: "green",
  online_only: "amber", other_operator: "amber", newer_format: "amber", clock: "amber", keys_too_old: "amber",
  no_list: "amber", list_too_old: "amber",
};

export class Refused extends Error {}

const utf8 = new TextEncoder();

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
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

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

async function isSigned(publicKey, signature, message) {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, signature, message);
}

export function normalise(text) {
  return text.trim().toUpperCase().replace(/O/g, "0").replace(/[IL]/g, "1").replace(/[-\s\u00a0\u202f]/g, "");
}

// ---------------------------------------------------------------- days

export function dayOf(text) {
  return Math.round((Date.parse(`${text}T00:00:00Z`) - FIRST_DAY) / DAY_MS);
}

export function formatDay(day) {
  return new Date(FIRST_DAY + day * DAY_MS).toISOString().slice(0, 10);
}

export function parisDay(instant) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Paris" }).format(instant);
}

// ---------------------------------------------------------------- signed documents

export async function openDocument(text, name, root) {
  const lines = text.split("\n");
  if (lines.length !== 4 || lines[3] !== "" || lines[0] !== KINDS[name]) throw new Refused("document");
  const message = utf8.encode(`${lines[0]}\0${lines[1]}`);
  if (!(await isSigned(root, fromBase64(lines[2]), message))) throw new Refused("document");
  const body = JSON.parse(lines[1]);
  const issue = { number: body.number, day: dayOf(body.issued_on), issuedOn: body.issued_on, goodFor: body.good_for_days };
  return { ...body, issue };
}

export function isTooOld(issue, day) {
  return day > issue.day + issue.goodFor;
}

function isListed(revocations, serial) {
  const size = revocations.bytes;
  const heads = fromBase64(revocations.serials);
  if (heads.length !== size * revocations.count) throw new Refused("document");
  let low = 0;
  let high = revocations.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    let order = 0;
    for (let n = 0; n < size && order === 0; n += 1) order = heads[middle * size + n] - serial[n];
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return false;
}

// ---------------------------------------------------------------- the symbol

function decodeLetters(letters) {
  const bytes = new Uint8Array(Math.floor((letters.length * 5) / 8));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const letter of letters) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new Refused("damaged");
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = (held >> bits) & 0xff;
      at += 1;
    }
  }
  if (bits >= 5 || (held & ((1 << bits) - 1)) !== 0) throw new Refused("damaged");
  return bytes;
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(size) {
    if (this.at + size > this.bytes.length) throw new Refused("damaged");
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  number(size) {
    return this.take(size).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  bounded(size, least, most) {
    const value = this.number(size);
    if (value < least || value > most) throw new Refused("damaged");
    return value;
  }

  text() {
    const bytes = this.take(this.bounded(1, 0, 40));
    if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) throw new Refused("damaged");
    return String.fromCharCode(...bytes);
  }

  varint() {
    let value = 0;
    for (let shift = 0; shift < 5; shift += 1) {
      const byte = this.number(1);
      value += (byte & 0x7f) * 2 ** (7 * shift);
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw new Refused("damaged");
        return value;
      }
    }
    throw new Refused("damaged");
  }
}

function readGuarantee(reader) {
  const terms = [];
  for (let left = reader.bounded(1, 0, 16); left > 0; left -= 1) {
    const domains = reader.number(2);
    const shape = reader.number(1);
    const kind = shape & 3;
    if (shape >> 6 || kind === 3 || domains === 0) throw new Refused("damaged");
    const amount = kind === 0 ? 0 : reader.varint();
    const circuit = shape & 4 ? reader.text() : null;
    const conditions = [];
    for (let n = (shape >> 3) & 7; n > 0; n -= 1) conditions.push(reader.text());
    terms.push({ domains, kind, amount, circuit, conditions });
  }
  return terms;
}

function readBeneficiary(reader, card) {
  const birth = reader.number(4);
  const who = reader.number(1);
  const written = String((birth & 0x3fffffff) >>> 0).padStart(9, "0");
  const guarantee = who >> 5;
  if ((who & 31) > 26 || guarantee >= card.guarantees.length) throw new Refused("damaged");
  return {
    birthDate: written.slice(0, -1),
    birthRank: Number(written.slice(-1)),
    initial: who & 31 ? String.fromCharCode(64 + (who & 31)) : "",
    guarantee,
    startsOn: birth & 0x40000000 ? reader.number(2) : card.validFrom,
    endsOn: birth & 0x80000000 ? reader.number(2) : card.validTo,
  };
}

function readPayload(payload) {
  const reader = new Reader(payload);
  reader.bounded(1, 1, 1);
  const card = { keyId: toHex(reader.take(4)), issuedOn: reader.number(2), validFrom: reader.number(2), validTo: reader.number(2) };
  card.amcNumber = String(reader.number(5)).padStart(10, "0");
  card.secret = reader.take(16);
  card.responsible = reader.bounded(1, 0, 1) === 1;
  reader.bounded(1, 1, 1);
  [card.conventionType, card.csr, card.memberNumber] = [reader.text(), reader.text(), reader.text()];
  card.guarantees = [];
  for (let left = reader.bounded(1, 1, 8); left > 0; left -= 1) card.guarantees.push(readGuarantee(reader));
  card.beneficiaries = [];
  for (let left = reader.bounded(1, 1, 15); left > 0; left -= 1) card.beneficiaries.push(readBeneficiary(reader, card));
  if (reader.at !== payload.length) throw new Refused("damaged");
  return card;
}

// The code that opens the gateway: 26 letters of the card's secret, and the beneficiary's line.
export function presenceCode(card, place) {
  let letters = "";
  let number = card.secret.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  for (let n = 0; n < 26; n += 1) {
    letters = ALPHABET[Number(number & 31n)] + letters;
    number >>= 5n;
  }
  return letters + ALPHABET[place];
}

function isPresenceCode(letters) {
  return letters.length === 27 && Array.from(letters).every((letter) => ALPHABET.includes(letter));
}

// ---------------------------------------------------------------- the verdict

async function judge(text, documents, today) {
  const letters = normalise(text);
  if (!/^RP[0-9]/.test(letters)) return { reason: isPresenceCode(letters) ? "online_only" : "not_a_card" };
  if (letters[2] !== "1") return { reason: "newer_format" };
  const bytes = decodeLetters(letters.slice(3));
  if (bytes.length < 64 + 40) return { reason: "damaged" };
  const payload = bytes.subarray(0, bytes.length - 64);
  const card = readPayload(payload);
  const { keys, revocations } = documents;
  if (!keys) return { reason: "unknown_key" };
  const row = keys.keys.find((one) => one.kid === card.keyId);
  if (!row) return { reason: "unknown_key" };
  const publicKey = fromBase64(row.public_key);
  const kid = toHex((await sha256(utf8.encode(KEY_DOMAIN), publicKey)).subarray(0, 4));
  if (kid !== card.keyId) return { reason: "unknown_key" };
  if (row.revoked) return { reason: "key_revoked" };
  const message = join(utf8.encode(CARD_DOMAIN), payload);
  if (!(await isSigned(publicKey, bytes.subarray(bytes.length - 64), message))) return { reason: "forged" };
  if (card.issuedOn < dayOf(row.from) || card.issuedOn > dayOf(row.to)) return { reason: "key_out_of_days" };
  card.serial = (await sha256(utf8.encode(SERIAL_DOMAIN), card.secret)).subarray(0, 10);
  const newest = Math.max(keys.issue.day, revocations ? revocations.issue.day : keys.issue.day);
  const day = Math.max(today, newest);
  const told = (reason) => ({ reason, card, day });
  if (revocations && isListed(revocations, card.serial)) return told("revoked");
  if (day > card.validTo) return told("expired");
  if (day < card.validFrom) return told("future");
  if (today < newest) return told("clock");
  if (isTooOld(keys.issue, day)) return told("keys_too_old");
  if (!revocations) return told("no_list");
  if (isTooOld(revocations.issue, day)) return told("list_too_old");
  return told("genuine");
}

// Says what a symbol is worth: {reason, colour, card?, day?}. `today` is a day number, see dayOf.
export async function verifyCard(text, documents, today) {
  let verdict;
  try {
    verdict = await judge(text, documents, today);
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal;
    verdict = { reason: "damaged" };
  }
  return { ...verdict, colour: COLOURS[verdict.reason] || "red" };
}
