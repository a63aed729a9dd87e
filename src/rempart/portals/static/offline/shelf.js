// What this device keeps: documents, numbers lent to the establishment, what is to be reported. Nothing else.
const NAME = "rempart-offline";
const STORE = "shelf";

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function run(mode, act) {
  const base = await open();
  try {
    return await new Promise((resolve, reject) => {
      const change = base.transaction(STORE, mode);
      const asked = act(change.objectStore(STORE));
      change.oncomplete = () => resolve(asked && asked.result);
      change.onabort = () => reject(change.error);
    });
  } finally {
    base.close();
  }
}

export function read(name) {
  return run("readonly", (store) => store.get(name));
}

export function write(name, value) {
  return run("readwrite", (store) => store.put(value, name));
}

// Takes the next number and notes what it promises, both or neither: two windows never give the same one.
export function give(makeReport) {
  return run("readwrite", (store) => {
    const asked = store.get("numbers");
    const answer = { result: null };
    asked.onsuccess = () => {
      const lent = asked.result;
      if (!lent || lent.numbers.length === 0) return;
      const [number, ...rest] = lent.numbers;
      store.put({ ...lent, numbers: rest }, "numbers");
      const waiting = store.get("reports");
      waiting.onsuccess = () => {
        const report = makeReport(number);
        store.put([...(waiting.result || []), report], "reports");
        answer.result = report;
      };
    };
    return answer;
  });
}

// Forgets the reports that were settled.
export function settle(numbers) {
  return run("readwrite", (store) => {
    const asked = store.get("reports");
    asked.onsuccess = () => store.put((asked.result || []).filter((one) => !numbers.includes(one.number)), "reports");
    return asked;
  });
}
