// The page that verifies cards with no network. All its words come with the page; all its data from the shelf.
const NAMES = ["keys", "revocations", "domains"];
const place = document.getElementById("offline");
// By the addresses of the page: they change with the files, and are those that the worker keeps.
const card = await import(place.dataset.card);
const shelf = await import(place.dataset.shelf);
const { decodeGrey, readGrey } = await import(place.dataset.symbol);
const { dayOf, formatDay, fromBase64, isTooOld, normalise, openDocument, parisDay, presenceCode, verifyCard } = card;
const words = JSON.parse(place.dataset.words);
const root = fromBase64(place.dataset.root);
const $ = (id) => document.getElementById(id);
let documents = {};
let shown = null;

function today() {
  return dayOf(parisDay(new Date()));
}

function put(id, text) {
  $(id).textContent = text;
}

// ---------------------------------------------------------------- signed data

async function readDocument(name, text) {
  const found = await openDocument(text, name, root);
  const known = documents[name];
  if (known && found.issue.number < known.issue.number) return known;
  documents[name] = found;
  return found;
}

async function loadShelf() {
  for (const name of NAMES) {
    const text = await shelf.read(name);
    if (text) await readDocument(name, text).catch(() => shelf.write(name, null));
  }
  describeData();
}

async function refresh() {
  const reply = await fetch(place.dataset.documents, { cache: "no-store" });
  if (!reply.ok) return;
  const texts = await reply.json();
  for (const name of NAMES) {
    if (!texts[name]) continue;
    const found = await readDocument(name, texts[name]).catch(() => null);
    if (!found) put("data-state", words.data_refused);
    else if (found.issue.number === documents[name].issue.number) await shelf.write(name, texts[name]);
  }
  describeData();
}

function describeData() {
  const { keys, revocations } = documents;
  if (!keys) {
    put("data-state", words.data_none);
    return;
  }
  const oldest = revocations ? revocations.issue : keys.issue;
  const state = !revocations ? words.data_no_list : isTooOld(oldest, today()) ? words.data_old : words.data_fresh;
  put("data-state", `${state} ${words.data_of} ${oldest.issuedOn}.`);
}

// ---------------------------------------------------------------- a card

function describeLine(one) {
  const birth = `${one.birthDate.slice(6, 8)}/${one.birthDate.slice(4, 6)}/${one.birthDate.slice(0, 4)}`;
  const days = `${formatDay(one.startsOn)} → ${formatDay(one.endsOn)}`;
  return `${one.initial || "–"} · ${birth} (${one.birthRank}) · ${days}`;
}

function listDomains(held, one) {
  const table = documents.domains ? documents.domains.domains : [];
  const codes = [];
  for (const term of held.guarantees[one.guarantee]) {
    for (const domain of table) {
      if (term.domains & (1 << (domain.number - 1))) codes.push({ ...domain, term });
    }
  }
  return codes;
}

function describeTerm(term) {
  if (term.kind === 0) return words.ticket;
  return term.kind === 1 ? `${term.amount / 100} %` : `${(term.amount / 100).toFixed(2)} €`;
}

function fill(list, rows, format) {
  list.replaceChildren(...rows.map((row, n) => {
    const option = document.createElement("option");
    option.value = String(n);
    option.textContent = format(row);
    return option;
  }));
}

function showChoice() {
  const one = shown.card.beneficiaries[Number($("beneficiary").value)];
  fill($("domain"), listDomains(shown.card, one), (domain) => `${domain[words.language]} (${domain.code}) · ${describeTerm(domain.term)}`);
  const covered = shown.day >= one.startsOn && shown.day <= one.endsOn;
  put("line-state", covered ? "" : words.line_not_covered);
  $("give").hidden = !(covered && shown.colour === "green");
}

async function judge(text) {
  const verdict = await verifyCard(text, documents, today());
  const [title, advice] = words.reasons[verdict.reason];
  const panel = $("verdict");
  panel.hidden = false;
  panel.className = `panel verdict verdict-${verdict.colour}`;
  panel.dataset.reason = verdict.reason;
  put("verdict-colour", words.colours[verdict.colour]);
  put("verdict-title", title);
  put("verdict-advice", advice);
  const dated = documents.revocations || documents.keys;
  put("verdict-data", dated ? `${words.data_of} ${dated.issue.issuedOn}` : words.data_none);
  shown = verdict.card ? verdict : null;
  $("card").hidden = !shown;
  if (shown) {
    put("card-labels", `AMC ${shown.card.amcNumber} · ${shown.card.conventionType} · ${shown.card.csr || "–"} · ${shown.card.memberNumber}`);
    put("card-days", `${formatDay(shown.card.validFrom)} → ${formatDay(shown.card.validTo)}`);
    fill($("beneficiary"), shown.card.beneficiaries, (one) => describeLine(one));
    showChoice();
  }
  put("given", "");
  panel.focus();
}

// ---------------------------------------------------------------- reading a symbol

const LARGEST = 2400; // pixels of the longer side of a picture that is looked through

function takeGrey(source, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(source, 0, 0, width, height);
  const points = pen.getImageData(0, 0, width, height).data;
  const grey = new Uint8ClampedArray(width * height);
  for (let at = 0; at < grey.length; at += 1) grey[at] = 0.299 * points[4 * at] + 0.587 * points[4 * at + 1] + 0.114 * points[4 * at + 2];
  return grey;
}

async function readImage(file) {
  const image = await createImageBitmap(file);
  const scale = Math.min(1, LARGEST / Math.max(image.width, image.height));
  const [width, height] = [Math.round(image.width * scale), Math.round(image.height * scale)];
  return readGrey(ZXing, takeGrey(image, width, height), width, height);
}

async function scan() {
  const video = $("camera");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.srcObject = stream;
  video.hidden = false;
  await video.play();
  const stop = () => {
    stream.getTracks().forEach((track) => track.stop());
    video.hidden = true;
  };
  const until = Date.now() + 30000;
  const look = async () => {
    const [width, height] = [video.videoWidth, video.videoHeight];
    const text = width ? decodeGrey(ZXing, takeGrey(video, width, height), width, height) : null;
    if (text) {
      stop();
      await judge(text);
    } else if (Date.now() > until) {
      stop();
      put("scan-state", words.nothing_read);
    } else {
      window.setTimeout(look, 150);
    }
  };
  await look();
}

// ---------------------------------------------------------------- numbers

async function describeNumbers() {
  const lent = await shelf.read("numbers");
  const reports = (await shelf.read("reports")) || [];
  const usable = lent && Date.parse(lent.expires_at) > Date.now() ? lent.numbers.length : 0;
  put("numbers-state", words.numbers.replace("%n", usable).replace("%w", reports.length));
  $("report").hidden = reports.length === 0;
}

async function give() {
  const one = Number($("beneficiary").value);
  const domain = listDomains(shown.card, shown.card.beneficiaries[one])[Number($("domain").value)];
  const lent = await shelf.read("numbers");
  const cents = Math.round(Number($("amount").value.replace(",", ".")) * 100);
  if (!domain || !lent || Date.parse(lent.expires_at) <= Date.now()) return put("given", words.no_number);
  if (!(cents > 0 && cents <= lent.amount_cents)) return put("given", words.over_amount.replace("%n", lent.amount_cents / 100));
  const now = new Date();
  const report = await shelf.give((number) => ({
    number,
    card_code: presenceCode(shown.card, one + 1),
    domain: domain.code,
    care_date: parisDay(now),
    amount_cents: cents,
    given_at: now.toISOString(),
    list_issued_on: documents.revocations.issue.issuedOn,
  }));
  put("given", report ? `${words.given} ${report.number}` : words.no_number);
  return describeNumbers();
}

async function send(address, body) {
  const session = await (await fetch(place.dataset.session, { cache: "no-store" })).json();
  if (!session.signed_in) {
    put("numbers-result", words.sign_in);
    return null;
  }
  const reply = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": session.csrf },
    body: JSON.stringify(body),
  });
  if (reply.ok) return reply.json();
  put("numbers-result", words.door_shut);
  return null;
}

async function borrow() {
  const lent = await send(place.dataset.numbers, {});
  if (!lent) return;
  const known = await shelf.read("numbers");
  const kept = known && Date.parse(known.expires_at) > Date.now() ? known.numbers : [];
  if (lent.numbers.length) await shelf.write("numbers", { ...lent, numbers: [...lent.numbers, ...kept].slice(0, 40) });
  put("numbers-result", lent.numbers.length ? "" : words.none_left);
  await describeNumbers();
}

async function report() {
  const waiting = (await shelf.read("reports")) || [];
  const reply = await send(place.dataset.report, { engagements: waiting.slice(0, 40) });
  if (!reply) return;
  await shelf.settle(reply.results.map((one) => one.number));
  const lines = reply.results.map((one) => `${one.number} : ${one.accepted ? words.accepted : words.refusals[one.reason]}`);
  put("numbers-result", lines.join("\n"));
  await describeNumbers();
}

// ---------------------------------------------------------------- beginning

function whileBusy(button, act) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await act();
    } catch {
      put("numbers-result", words.door_shut);
    } finally {
      button.disabled = false;
    }
  });
}

function describeNetwork() {
  put("network", navigator.onLine ? words.online : words.offline);
}

$("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  judge(normalise($("code").value));
});
$("image").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  const text = file ? await readImage(file) : null;
  put("scan-state", text || !file ? "" : words.nothing_read);
  if (text) await judge(text);
  event.target.value = "";
});
$("beneficiary").addEventListener("change", showChoice);
$("scan").addEventListener("click", () => scan().catch(() => put("scan-state", words.no_camera)));
whileBusy($("give-number"), give);
whileBusy($("borrow"), borrow);
whileBusy($("report"), report);
for (const name of ["online", "offline"]) window.addEventListener(name, () => { describeNetwork(); if (navigator.onLine) refresh().catch(() => {}); });

describeNetwork();
if ("serviceWorker" in navigator) navigator.serviceWorker.register(place.dataset.worker, { scope: place.dataset.scope });
await loadShelf();
await describeNumbers();
if (navigator.onLine) await refresh().catch(() => {});
place.dataset.ready = "yes";
