// What the page does beyond links and forms, which work without it.
(function () {
  "use strict";

  // The frame may not lead the window elsewhere by itself; a link in Airflow's own document may.
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("a[data-leaves-frame]");
    if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.button !== 0) return;
    try {
      var outside = window.parent.document.createElement("a");
      outside.href = link.href;
      window.parent.document.body.appendChild(outside);
      outside.click();
      outside.remove();
      event.preventDefault();
    } catch (error) {
      // not Airflow's frame: the link is followed here
    }
  });

  // Documents cannot look at Airflow's colours: they are state.
  document.querySelectorAll("a[data-themed]").forEach(function (link) {
    link.addEventListener("click", function () {
      var theme = document.documentElement.getAttribute("data-theme");
      if (theme) link.search = "?theme=" + theme;
    });
  });

  // What takes a while says so, and is not sent twice.
  document.querySelectorAll("form[data-slow]").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "yes";
      var button = form.querySelector("button");
      button.setAttribute("aria-disabled", "true");
      button.textContent = form.dataset.slow;
    });
  });
  window.addEventListener("pageshow", function (event) { if (event.persisted) window.location.reload(); });

  // A delivery that waits for history is asked about until something has changed.
  var waits = document.querySelector("[data-waits]");
  if (waits) {
    var pause = waits.querySelector("[data-progress]") ? 1000 : 3000;
    var tell = function (place, text) {
      var element = waits.querySelector(place);
      if (element && text !== undefined && element.textContent !== String(text)) element.textContent = text;
    };
    var ask = function () {
      fetch(waits.dataset.waits, { credentials: "same-origin" })
        .then(function (answer) {
          if (answer.status === 404) window.location.reload(); // it says why
          return answer.ok ? answer.json() : null;
        })
        .then(function (state) {
          if (!state) return;
          var isWriting = Array.prototype.some.call(document.querySelectorAll("textarea"), function (area) {
            return area.value.trim() !== "";
          });
          tell("[data-progress]", state.progress);
          tell("[data-seconds]", state.seconds);
          if (state.state !== waits.dataset.state && !isWriting) window.location.reload();
          else window.setTimeout(ask, pause);
        })
        .catch(function () { window.setTimeout(ask, 10000); });
    };
    window.setTimeout(ask, pause);
  }
})();
