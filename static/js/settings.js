// The section one is in is in sight, also where the row of sections is wider than the screen.
document.querySelector(".sections [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
