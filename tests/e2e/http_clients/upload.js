// upload.js CLIENT URL TIMES: as upload.py. CLIENT is fetch, undici or http.
"use strict";

const [client, url, times] = process.argv.slice(2);

async function* slowly() {
  for (let i = 0; i < 40; ++i) {
    yield Buffer.alloc(1000, "x");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function fetched(size, body) {
  const streams = body instanceof Buffer ? {} : { duplex: "half", headers: { "Content-Length": String(size) } };
  const answer = await fetch(url, { method: "POST", body, ...streams });
  await answer.text();
  return answer.status;
}

async function undici(size, body) {
  const { request } = require("undici");
  const answer = await request(url, { method: "POST", body, headers: { "Content-Length": String(size) } });
  await answer.body.text();
  return answer.statusCode;
}

function http(size, body) {
  const { request } = require("http");
  const { Readable } = require("stream");
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", headers: { "Content-Length": String(size) } }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
    });
    sent.on("error", reject);
    (body instanceof Buffer ? Readable.from([body]) : Readable.from(body)).pipe(sent);
  });
}

(async () => {
  const call = { fetch: fetched, undici, http }[client];
  let well = 0;
  for (let i = 0; i < Number(times); ++i) {
    for (const size of [40_000, 5_000_000, 20_000_000]) {
      try {
        const status = await call(size, size === 40_000 ? slowly() : Buffer.alloc(size));
        well += status === 405;
        if (status !== 405) console.error(`${size} bytes: ${status}`);
      } catch (error) {
        console.error(`${size} bytes: ${error.cause ?? error}`);
      }
    }
  }
  console.log(well);
  process.exit(0);
})();
