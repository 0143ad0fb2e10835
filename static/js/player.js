// The recording's player, and the conversation that leads into it. Without this the browser's own player stands there.
import { toast } from "./ui.js";

const STEP = 10;
const LONGEST_SEARCHED = 1800; // seconds of a recording in which silence is looked for
const RATE = 8000;
const QUIET = 0.012;
const GAP = 1.2; // seconds of quiet that count as silence

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** Spans of silence as [from, to]; the recording is read in pieces of a fiftieth of a second. */
function silences(samples) {
  const size = RATE / 50;
  const found = [];
  let begin = null;
  for (let start = 0; start < samples.length; start += size) {
    let loudest = 0;
    for (let i = start; i < Math.min(start + size, samples.length); i += 2) loudest = Math.max(loudest, Math.abs(samples[i]));
    if (loudest < QUIET) begin ??= start / RATE;
    else if (begin !== null) {
      if (start / RATE - begin > GAP) found.push([begin + 0.3, start / RATE - 0.2]);
      begin = null;
    }
  }
  return found;
}

async function findSilences(audio) {
  if (!(audio.duration < LONGEST_SEARCHED)) throw new Error("too long");
  const answer = await fetch(audio.currentSrc);
  const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await answer.arrayBuffer());
  return silences(sound.getChannelData(0));
}

function setUp(player) {
  const audio = player.querySelector("audio");
  const seek = player.querySelector("input[type=range]");
  const time = player.querySelector(".time");
  const button = player.querySelector("[data-do=play]");
  let quiet = [];
  audio.controls = false;
  for (const part of player.querySelectorAll("[hidden]")) part.hidden = false;

  const go = (seconds) => { audio.currentTime = Math.max(0, Math.min(seconds, audio.duration || seconds)); };
  const listenFrom = (seconds) => { go(seconds); audio.play(); };
  const show = () => {
    const length = Number.isFinite(audio.duration) ? audio.duration : 0;
    seek.max = length || 100;
    seek.value = audio.currentTime;
    seek.setAttribute("aria-valuetext", `${clock(audio.currentTime)} / ${clock(length)}`);
    time.textContent = `${clock(audio.currentTime)} / ${clock(length)}`;
    const silence = audio.paused ? null : quiet.find(([from, to]) => audio.currentTime >= from && audio.currentTime < to);
    if (silence) audio.currentTime = silence[1];
    mark(audio.currentTime, !audio.paused);
  };
  const state = () => {
    player.classList.toggle("playing", !audio.paused);
    button.setAttribute("aria-label", audio.paused ? player.dataset.play : player.dataset.pause);
    show();
  };
  const toggle = () => (audio.paused ? audio.play() : audio.pause());
  for (const event of ["timeupdate", "loadedmetadata", "durationchange", "seeked"]) audio.addEventListener(event, show);
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, state);
  seek.addEventListener("input", () => go(Number(seek.value)));
  button.addEventListener("click", toggle);
  player.querySelector("[data-do=back]").addEventListener("click", () => go(audio.currentTime - STEP));
  player.querySelector("[data-do=forward]").addEventListener("click", () => go(audio.currentTime + STEP));
  player.querySelector("[data-do=speed]").addEventListener("change", (event) => { audio.playbackRate = Number(event.target.value); });
  player.querySelector("[data-do=skip]")?.addEventListener("change", async (event) => {
    quiet = [];
    if (!event.target.checked) return;
    try {
      quiet = await findSilences(audio);
    } catch {
      event.target.checked = false;
      toast(player.dataset.unskippable, "warning");
    }
  });
  show();
  lead(player, listenFrom);
}

/** Each line of the conversation whose moment is known becomes a way to hear it. */
function lead(player, listenFrom) {
  for (const turn of document.querySelectorAll(".turn[data-seconds]:not(.audible)")) {
    const at = turn.querySelector(".at");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "at link";
    button.setAttribute("aria-label", `${player.dataset.listen}: ${at.textContent}`);
    button.append(...at.childNodes);
    at.replaceWith(button);
    turn.classList.add("audible");
    turn.addEventListener("click", () => { if (!String(getSelection())) listenFrom(Number(turn.dataset.seconds)); });
  }
}

function mark(seconds, playing) {
  let now = null;
  for (const turn of document.querySelectorAll(".turn[data-seconds]")) {
    turn.classList.remove("now");
    if (playing && Number(turn.dataset.seconds) <= seconds + 0.1) now = turn;
  }
  now?.classList.add("now");
}

function start() {
  for (const player of document.querySelectorAll(".player:not(.ready)")) {
    player.classList.add("ready");
    setUp(player);
  }
}

document.addEventListener("settled", start);
start();
