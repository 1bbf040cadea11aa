// Saves the table while it comes, and tells how far it is. Without this the link saves it all the same.
"use strict";
(() => {
  const link = document.getElementById("save");
  const said = document.getElementById("saving");
  if (!link || !said || !window.ReadableStream) {
    return;
  }
  let busy = false;
  const rows = (bytes, state) => {
    // A line ends where no quoted cell is open.
    for (const byte of bytes) {
      if (byte === 34) {
        state.quoted = !state.quoted;
      } else if (byte === 10 && !state.quoted) {
        state.count += 1;
      }
    }
  };
  const save = async () => {
    const answer = await fetch(link.href, { redirect: "manual" });
    if (!answer.ok) {
      throw new Error("refused");
    }
    const most = Number(answer.headers.get("x-most-rows"));
    const state = { quoted: false, count: -1 };
    const parts = [];
    const reader = answer.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parts.push(next.value);
      rows(next.value, state);
      said.textContent = `${Math.max(0, state.count).toLocaleString("en")} rows so far`;
    }
    const where = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
    const anchor = document.createElement("a");
    anchor.href = where;
    anchor.download = "messages.csv";
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(where), 60000);
    const all = `${state.count.toLocaleString("en")} rows saved.`;
    said.textContent = state.count >= most ? `${all} These are the newest; there may be more.` : all;
  };
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (busy) {
      return;
    }
    busy = true;
    said.textContent = "Asking…";
    save()
      .catch(() => { said.textContent = "It broke off: nothing is saved. Try again."; })
      .finally(() => { busy = false; });
  });
})();
