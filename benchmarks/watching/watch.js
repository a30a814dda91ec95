"use strict";
(() => {
  const main = document.querySelector("main");
  const link = document.getElementById("link");
  const often = 2000, seldom = 15000;
  let since = null;
  const titled = () => {
    const run = document.getElementById("run");
    if (run) document.title = run.dataset.title;
    return run && "final" in run.dataset;
  };
  const take = (text) => {
    const places = [...main.querySelectorAll(".scroll")].map((it) => it.scrollLeft);
    main.innerHTML = text;
    [...main.querySelectorAll(".scroll")].forEach((it, n) => { it.scrollLeft = places[n] || 0; });
    return titled();
  };
  const ask = async () => {
    let over = false;
    try {
      const answer = await fetch("now", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      over = take(await answer.text());
      since = null;
      link.textContent = over ? "this run is over" : "updates by itself";
    } catch {
      since = since || new Date();
      link.textContent = `not reached since ${since.toLocaleTimeString()}; what is below is as old`;
    }
    link.classList.toggle("lost", since !== null);
    setTimeout(ask, document.hidden || over ? seldom : often);
  };
  titled();
  setTimeout(ask, often);
})();
