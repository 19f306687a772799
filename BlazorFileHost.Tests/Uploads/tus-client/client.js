// One upload by tus-js-client. What happens is told line by line as JSON.
// Arguments: address, token, file, name, mode (whole | abort | cut | terminate)
const { readFileSync } = require('node:fs');
const { basename, join, dirname } = require('node:path');
const tus = require('tus-js-client');

const [address, token, file, name, mode] = process.argv.slice(2);
const say = what => console.log(JSON.stringify(what));
const content = readFileSync(file);

function newUpload(settings = {}) {
  let told = false;
  return new Promise((done, failed) => {
    const upload = new tus.Upload(content, {
      endpoint: `${address}uploads`,
      metadata: { filename: name, filetype: 'text/plain' },
      headers: { 'Upload-Token': token },
      urlStorage: new tus.FileUrlStorage(join(dirname(file), `${mode}.urls`)),
      fingerprint: () => Promise.resolve(`${basename(file)} ${content.length}`),
      storeFingerprintForResuming: true,
      removeFingerprintOnSuccess: true,
      chunkSize: 300_000,
      retryDelays: [100, 200, 400, 800, 1600, 3200],
      onAfterResponse: (request, response) => say({
        method: request.getMethod(), status: response.getStatus(), offset: response.getHeader('Upload-Offset') }),
      onProgress: async sent => {
        if (!told && settings.pauseAt !== undefined && sent >= settings.pauseAt) {
          told = true;
          await settings.paused(upload, done);
        }
      },
      onSuccess: () => { say({ url: upload.url }); done(upload); },
      onError: failed,
      ...settings.options,
    });
    upload.findPreviousUploads().then(previous => {
      say({ previous: previous.length });
      if (previous.length > 0) {
        upload.resumeFromPreviousUpload(previous[0]);
      }

      upload.start();
    }, failed);
  });
}

const modes = {
  whole: () => newUpload({ options: { uploadDataDuringCreation: true } }),

  // Given up half way, as when the tab is closed, and taken up by one that knows only what was written down.
  abort: async () => {
    await newUpload({ pauseAt: content.length / 2, paused: async (upload, done) => { await upload.abort(); done(); } });
    await newUpload();
  },

  // In one request, whose line the test breaks.
  cut: () => newUpload({ options: { chunkSize: Infinity } }),

  terminate: async () => {
    await newUpload({ pauseAt: content.length / 2, paused: async (upload, done) => { await upload.abort(true); say({ terminated: upload.url }); done(); } });
  },
};

modes[mode]().then(() => process.exit(0), error => { console.error(String(error)); process.exit(1); });
