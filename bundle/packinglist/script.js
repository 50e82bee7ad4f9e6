
"use strict";
(function () {
  var q = document.getElementById("q"), n = document.getElementById("n");
  var rows = Array.prototype.slice.call(document.getElementById("list").tBodies[0].rows);
  var texts = rows.map(function (r) { return r.textContent.toLowerCase(); });
  function show() {
    var want = q.value.trim().toLowerCase(), shown = 0;
    rows.forEach(function (r, i) {
      r.hidden = texts[i].indexOf(want) < 0;
      if (!r.hidden) shown++;
    });
    n.textContent = want ? shown + " of " + rows.length : "";
  }
  q.addEventListener("input", show);
  document.getElementById("filter").hidden = rows.length < 5;
})();
