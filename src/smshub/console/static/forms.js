// What forms of settings do besides: secrets can be looked at, and what is told to be wrong is marked at its field.
"use strict";
(() => {
  for (const button of document.querySelectorAll("[data-reveals]")) {
    const field = document.getElementById(button.dataset.reveals);
    button.hidden = false;
    button.setAttribute("aria-label", `Show what is in the field ${field.labels[0].textContent.trim()}`);
    button.addEventListener("click", () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    });
  }
  document.addEventListener("htmx:oobAfterSwap", () => {
    for (const told of document.querySelectorAll(".field-error")) {
      const field = document.getElementById(told.id.replace(/-error$/, ""));
      if (field) {
        field.toggleAttribute("aria-invalid", false);
        if (told.textContent) {
          field.setAttribute("aria-invalid", "true");
        }
      }
    }
  });
})();
