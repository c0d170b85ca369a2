// Runs before the page is drawn, so that controls which need a script never flash up and vanish.
document.documentElement.classList.add("has-script");
