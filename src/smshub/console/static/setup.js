// The secret may come behind the # of the address, which no browser sends anywhere. It is put into the form and
// taken out of the address, so that it does not stay in the history.
"use strict";
(() => {
  const field = document.getElementById("secret");
  const take = () => {
    const given = location.hash.slice(1);
    if (given && field) {
      field.value = given;
      history.replaceState(null, "", location.pathname);
      document.getElementById("password").focus();
    }
  };
  addEventListener("hashchange", take);
  take();
})();
