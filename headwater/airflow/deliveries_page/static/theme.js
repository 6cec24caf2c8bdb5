// Airflow's own choice of light or dark, where this page stands in its frame; else the browser's preference.
(function () {
  "use strict";
  var own = document.documentElement;
  function follow(airflow) {
    var said = airflow.classList.contains("dark") ? "dark" : airflow.classList.contains("light") ? "light" : "";
    if (said) own.setAttribute("data-theme", said);
    var paper = window.parent.getComputedStyle(airflow).backgroundColor;
    if (paper !== "rgba(0, 0, 0, 0)") own.style.setProperty("--paper", paper);
  }
  try {
    if (window.parent !== window) {
      var airflow = window.parent.document.documentElement;
      own.classList.add("framed");
      follow(airflow);
      new MutationObserver(function () { follow(airflow); })
        .observe(airflow, { attributes: true, attributeFilter: ["class", "style"] });
    } else {
      var chosen = window.localStorage.getItem("theme");
      if (chosen === "dark" || chosen === "light") own.setAttribute("data-theme", chosen);
    }
  } catch (error) {
    // a frame of somebody else's: the browser's preference holds
  }
})();
