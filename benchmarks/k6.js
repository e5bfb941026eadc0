// The party of load.py for k6: every member sends every photo while somebody looks on.
//
//     .venv/bin/python benchmarks/load.py --by "k6 run benchmarks/k6.js"
//
// load.py makes the capsule, names who sends what in the file of CAPSULE_LOAD, and checks afterwards what arrived.

import encoding from "k6/encoding";
import http from "k6/http";
import { check, sleep } from "k6";
import exec from "k6/execution";

const PARTY = JSON.parse(open(__ENV.CAPSULE_LOAD));
const PHOTOS = PARTY.photos.map((path) => new Uint8Array(open(path, "b")));
// As the pages do it.
const AT_ONCE = 3;
const PART = 5_000_000;

// k6 waits for each request of a user, so each member is three users, who share the photos.
export const options = {
  scenarios: {
    members: {
      executor: "per-vu-iterations",
      vus: PARTY.members.length * AT_ONCE,
      iterations: 1,
      maxDuration: "15m",
      exec: "putIn",
    },
    onlooker: { executor: "constant-vus", vus: 1, duration: __ENV.LOOK_FOR || "1m", exec: "look" },
  },
  thresholds: { http_req_failed: ["rate==0"], checks: ["rate==1"] },
};

// A photo with a comment of its own, so that no two members send the same bytes.
function ofMember(photo, number) {
  const comment = Array.from(`member ${number}`, (letter) => letter.charCodeAt(0));
  const length = comment.length + 2;
  const content = new Uint8Array(photo.length + length + 2);
  content.set(photo.subarray(0, 2));
  content.set([0xff, 0xfe, length >> 8, length & 255, ...comment], 2);
  content.set(photo.subarray(2), length + 4);
  return content;
}

export function putIn() {
  const place = exec.scenario.iterationInTest;
  const number = Math.floor(place / AT_ONCE);
  const member = PARTY.members[number];
  for (let photo = place % AT_ONCE; photo < PHOTOS.length; photo += AT_ONCE) {
    send(ofMember(PHOTOS[photo], number), `${photo}.jpg`, member);
  }
}

function send(content, name, member) {
  const who = { authorization: `Bearer ${member.token}`, "tus-resumable": "1.0.0" };
  const metadata = Object.entries({ filename: name, story: member.story })
    .map(([key, text]) => `${key} ${encoding.b64encode(text)}`)
    .join(",");
  const begun = http.post(`${PARTY.url}/g/u`, null, {
    headers: { ...who, "upload-length": String(content.length), "upload-metadata": metadata },
    tags: { name: "announce" },
  });
  const address = PARTY.url + begun.headers.Location;
  for (let start = 0; start < content.length; start += PART) {
    http.patch(address, content.slice(start, start + PART).buffer, {
      headers: { ...who, "upload-offset": String(start), "content-type": "application/offset+octet-stream" },
      tags: { name: "send a piece" },
    });
  }
  let stage;
  do {
    stage = http.get(address, { headers: who, tags: { name: "ask" } }).json("stage");
    if (stage === "waiting") sleep(1);
  } while (stage === "waiting");
  check(stage, { kept: (said) => said === "kept" });
}

export function look() {
  const page = http.get(`${PARTY.url}/g/c/${PARTY.capsule}`, {
    cookies: { capsule: PARTY.onlooker },
    tags: { name: "sealed page" },
  });
  check(page, { shown: (answer) => answer.status === 200 });
  sleep(0.2);
}
