// What every transfer shares: the token, requests that report what was sent and notice a dead line, and waiting for a better one.

const silence = 90_000;      // milliseconds without a sign of life, after which a request counts as broken
const firstWait = 500;       // milliseconds
const longestWait = 15_000;

const MiB = 1 << 20;
export const smallestChunk = MiB / 2;
const largestChunk = 256 * MiB;
const firstChunk = 32 * MiB; // so that most files go in one request
const chunkTime = 10_000;    // milliseconds that a chunk should take

// No answer: the line broke, or nothing came through it any more.
export class Broken extends Error { }

// Ended from here: reason is what for.
export class Ended extends Error {
    constructor(reason) {
        super(reason);
        this.reason = reason;
    }
}

export class Wire {
    #waiting = new Set();
    #chunk = firstChunk;
    #ceiling = largestChunk;

    // token: the header Upload-Token; each answer may bring a fresh one.
    constructor(token) {
        this.token = token;
        this.moved = 0;           // bytes handed over so far, all requests together
        this.batchBytes = 4 * MiB;
    }

    // How many bytes the next request should carry.
    get chunk() {
        return Math.min(this.#chunk, this.#ceiling);
    }

    // sent: told the bytes of the body that were handed over. Throws Broken or, when the signal says so, Ended.
    request(method, url, { headers = {}, body = null, sent = () => { }, signal }) {
        return new Promise((resolve, reject) => {
            if (signal?.aborted) return reject(new Ended(signal.reason));
            const xhr = new XMLHttpRequest();
            let timer;
            const end = (how, what) => {
                clearTimeout(timer);
                signal?.removeEventListener('abort', stop);
                how(what);
            };
            const stop = () => { end(reject, new Ended(signal.reason)); xhr.abort(); };
            const alive = () => {
                clearTimeout(timer);
                timer = setTimeout(() => { end(reject, new Broken('silence')); xhr.abort(); }, silence);
            };
            signal?.addEventListener('abort', stop);
            xhr.open(method, url);
            for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
            if (this.token) xhr.setRequestHeader('Upload-Token', this.token);
            let moved = 0;
            if (body) xhr.upload.onprogress = event => {
                alive();
                this.moved += event.loaded - moved;
                sent(moved = event.loaded);
            };
            xhr.onload = () => end(resolve, this.#answer(xhr));
            xhr.onerror = () => end(reject, new Broken('line'));
            alive();
            xhr.send(body);
        });
    }

    #answer(xhr) {
        const { status } = xhr;
        this.token = xhr.getResponseHeader('Upload-Token') ?? this.token;
        let json = null;
        try { json = JSON.parse(xhr.responseText); } catch { /* not one of our answers: the status says enough */ }
        if (status < 500) this.wake();
        return { status, json, header: name => xhr.getResponseHeader(name) };
    }

    // Ends the wait of all who wait for the line: somebody got through.
    wake() {
        for (const end of [...this.#waiting]) end();
    }

    // Waits longer each time (RFC 9110 asks so of clients that retry), never in step with others, and not a moment after the line is back.
    wait(failures, signal, atLeast = 0) {
        const time = Math.max(atLeast, Math.min(longestWait, firstWait * 2 ** failures) * (0.5 + Math.random() / 2));
        return new Promise((resolve, reject) => {
            const end = how => {
                clearTimeout(timer);
                this.#waiting.delete(up);
                window.removeEventListener('online', up);
                signal?.removeEventListener('abort', stop);
                how(signal?.aborted ? new Ended(signal.reason) : undefined);
            };
            const up = () => end(resolve);
            const stop = () => end(reject);
            const timer = setTimeout(up, time);
            if (atLeast === 0) {
                this.#waiting.add(up);
                window.addEventListener('online', up);
            }
            signal?.addEventListener('abort', stop);
            if (signal?.aborted) stop();
        });
    }

    // A chunk arrived: the next one is as large as this line carries in a good while, but a surprise is approached in steps.
    arrived(bytes, time) {
        if (bytes < this.chunk) return;
        this.#chunk = Math.max(MiB, Math.min(largestChunk, 4 * bytes, Math.round(bytes / Math.max(time, 1) * chunkTime)));
    }

    // A chunk broke: less is lost with a smaller one.
    broke() {
        this.#chunk = Math.max(smallestChunk, this.#chunk / 2);
    }

    // Something in between does not let so much through. False: it cannot be made smaller.
    tooLarge(bytes) {
        this.#ceiling = Math.max(smallestChunk, Math.floor(bytes / 2));
        return bytes > smallestChunk;
    }
}

const utf8 = new TextEncoder();

// text: short; its bytes become arguments.
export const base64 = text => btoa(String.fromCharCode(...utf8.encode(text)));

// tus 1.0.0, Upload-Metadata.
export const metadata = values => Object.entries(values).filter(([, value]) => value != null).map(([key, value]) => `${key} ${base64(value)}`).join(',');

// A file that was changed or removed on the device since it was picked fails like a broken line; reading a byte tells them apart.
export async function readable(file) {
    try {
        await file.slice(0, 1).arrayBuffer();
        await file.slice(Math.max(0, file.size - 1)).arrayBuffer();
        return true;
    } catch {
        return false;
    }
}

// What a refusal becomes for the page.
export const refused = (answer, otherwise = 'Server') => ({
    code: answer.status === 401 ? 'SignedOut' : answer.json?.code ?? otherwise,
    sentence: answer.json?.sentence ?? null,
    mendedName: answer.json?.mendedName ?? null,
});

// A proxy that waits for its server, or a server that starts, is as good as no line.
export const away = answer => [408, 425, 502, 503, 504].includes(answer.status);
