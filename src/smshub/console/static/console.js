// What every page has: the menu on small screens, and a word when the hub cannot be reached.
"use strict";
(() => {
  const menu = document.getElementById("menu");
  const navigation = document.getElementById("navigation");
  if (menu && navigation) {
    menu.hidden = false;
    document.documentElement.classList.add("folds");
    menu.addEventListener("click", () => {
      const open = menu.getAttribute("aria-expanded") !== "true";
      menu.setAttribute("aria-expanded", String(open));
      navigation.classList.toggle("open", open);
    });
  }
  const live = document.getElementById("live");
  const say = (lost) => {
    if (live && live.classList.contains("lost") !== lost) {
      live.classList.toggle("lost", lost);
      live.textContent = lost ? "The hub does not answer: this is not live." : "live";
    }
  };
  document.addEventListener("htmx:sendError", () => say(true));
  document.addEventListener("htmx:afterOnLoad", () => say(false));
})();
