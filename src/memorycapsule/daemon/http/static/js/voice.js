// A voice note, recorded here where the browser allows it (https, or this very machine).

const LONGEST = 10 * 60;

export function listen({ words, filled, add, choose }) {
  const button = document.getElementById("record");
  const line = document.getElementById("recording");
  const can = Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
  let recorder = null;
  let clock = 0;
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (!can) { choose(); return; }
    if (recorder) { recorder.stop(); return; }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      record(stream);
    } catch {
      line.hidden = false;
      line.textContent = words.noMicrophone;
    }
  });

  function record(stream) {
    // MP4 first: what Safari makes and everybody plays.
    const type = ["audio/mp4", "audio/webm;codecs=opus", "audio/ogg;codecs=opus"].find((one) => MediaRecorder.isTypeSupported(one));
    const pieces = [];
    recorder = new MediaRecorder(stream, type ? { mimeType: type } : {});
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    recorder.addEventListener("stop", () => {
      const kind = recorder.mimeType || type || "audio/webm";
      recorder = null;
      clearInterval(clock);
      for (const track of stream.getTracks()) track.stop();
      button.querySelector("span").textContent = words.record;
      line.hidden = true;
      const ending = kind.includes("mp4") ? "m4a" : kind.includes("ogg") ? "ogg" : "webm";
      add(new File(pieces, `${words.voiceNote} ${new Date().toLocaleString().replace(/[/:]/g, ".")}.${ending}`, { type: kind.split(";")[0], lastModified: Date.now() }));
    });
    recorder.start(1000);
    button.querySelector("span").textContent = words.stop;
    line.hidden = false;
    let seconds = 0;
    const tell = () => { line.textContent = filled(words.recording, { time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` }); };
    tell();
    clock = setInterval(() => {
      seconds += 1;
      tell();
      if (seconds >= LONGEST) recorder?.stop();
    }, 1000);
  }
}
