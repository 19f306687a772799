import { Ended } from './wire.js';
import { discard, transfer } from './transfer.js';
import { sendBatch } from './batch.js';
import { Hashing, fingerprint } from './hashing.js';

const parallel = 3;          // files sent at once, and as many batches of small ones
const requests = 5;          // in all: a browser opens six connections to a server, and one of them is for the person
const small = 256 * 1024;    // bytes of a file up to which it goes with others in one request
const smallCount = 100;      // files in such a request
const fast = 40 << 20;       // bytes per second from which on hashing would take the processor from sending
const promptly = 30;        // milliseconds in which a receipt still comes with the news that the file is stored

// What is on its way from this page: whose turn it is, and what became of each. Items are known by the page's keys. States are those of the
// page's UploadState; an item in none is held here for a later start.
export class Sending {
    #items = new Map();
    #large = [];              // keys, in order
    #small = [];
    #running = new Set();     // items being sent
    #transfers = 0;
    #batches = 0;
    #due = false;
    #hashing = new Hashing();

    // ended(end), checked(receipt): told once for every file that was started. changed(): told whenever the rest may look different.
    constructor(wire, { ended, checked, changed }) {
        this.wire = wire;
        this.tell = { ended, checked, changed };
    }

    // Whether leaving the page would cut something off.
    get busy() {
        return this.#running.size > 0 || this.#large.length > 0 || this.#small.length > 0;
    }

    // Whether nothing moves because the line is broken.
    get offline() {
        return this.#running.size > 0 && [...this.#running].every(item => item.offline);
    }

    // Bytes that are still to be sent.
    get left() {
        return [...this.#items.values()].reduce((sum, { state, file, sent }) => sum + (state === 'Sending' || state === 'Waiting' ? file.size - sent : 0), 0);
    }

    // What the page shows: what is on its way, or was and is paused.
    get shown() {
        return [...this.#items.values()].filter(item => ['Sending', 'Paused', 'Waiting'].includes(item.state) && (item.begun || item.state !== 'Waiting'));
    }

    // The names of files of which the server knows nothing yet.
    get unknown() {
        return [...this.#items.values()].filter(item => ['Sending', 'Waiting'].includes(item.state) && !item.url).map(item => item.name);
    }

    // Keeps a file for the time when the page says start.
    hold(key, { file, folder = null }) {
        this.#items.set(key, { key, file, folder, attempt: -1, state: null, url: null, begun: false, offset: 0, sent: 0, moved: 0, offline: false });
    }

    // attempt: one more each time; what is told twice starts once. unfinished: the server has an upload of that name and size that waits for
    // the rest of its bytes.
    start({ key, attempt, name, onConflict, unfinished }) {
        const item = this.#items.get(key);
        if (!item || attempt <= item.attempt) return;
        // What the server still has is gone on with; else another attempt is another creation.
        if (item.url === null) Object.assign(item, { begun: false, offset: 0, sent: 0, idempotencyKey: uuid() });
        Object.assign(item, { attempt, name, onConflict, unfinished, state: 'Waiting' });
        this.#enqueue(item);
    }

    pause(keys) {
        for (const item of this.#known(keys)) {
            if (item.state === 'Sending') item.stopper?.abort('Paused');
            else if (item.state === 'Waiting' && this.#dequeue(item)) item.state = 'Paused';
        }
        this.#next();
    }

    // Goes on with what is paused, or finds out what became of it.
    go(keys) {
        for (const item of this.#known(keys)) {
            if (item.state !== 'Paused' && item.state !== 'Asking') continue;
            item.state = 'Waiting';
            this.#enqueue(item);
        }
    }

    // Ends them wherever they are; what is not known any more ends as well: the page must not wait for it for ever.
    cancel(keys) {
        for (const key of keys) {
            const item = this.#items.get(key);
            if (item) item.unwanted = true;
            if (item?.stopper) item.stopper.abort('Cancelled');
            else if (!item) this.tell.ended({ key, attempt: 0, code: 'Cancelled' });
            else if (item.state !== 'Stored') {
                this.#dequeue(item);
                this.#end(item, { code: 'Cancelled' });
            }
        }
        this.#next();
    }

    forget(keys) {
        for (const item of this.#known(keys)) {
            if (item.state !== null && item.state !== 'Asking') continue;
            item.job?.end();
            this.#items.delete(item.key);
        }
    }

    // To be called now and then: lets the hashes follow what was sent. On a fast line they wait for its end.
    follow(speed) {
        if (speed < fast) for (const item of this.#running) item.job?.upTo(item.sent);
    }

    dispose() {
        this.#hashing.dispose();
    }

    #known(keys) {
        return keys.map(key => this.#items.get(key)).filter(item => item);
    }

    #enqueue(item) {
        // A second copy beside the first must not become a third because an answer was lost: only a single upload can be asked about.
        const together = item.file.size <= small && item.onConflict !== 'keepboth' && !item.unfinished && !item.url;
        (together ? this.#small : this.#large).push(item.key);
        this.#soon();
    }

    // Many are started in one go; the first must not leave alone.
    #soon() {
        if (this.#due) return;
        this.#due = true;
        queueMicrotask(() => {
            this.#due = false;
            this.#next();
        });
    }

    #dequeue(item) {
        for (const queue of [this.#large, this.#small]) {
            const at = queue.indexOf(item.key);
            if (at >= 0) return queue.splice(at, 1).length > 0;
        }
        return false;
    }

    #next() {
        while (this.#large.length > 0 && this.#transfers < parallel && this.#transfers + this.#batches < requests) {
            const item = this.#items.get(this.#large.shift());
            if (item) this.#transfer(item);
        }
        while (this.#small.length > 0 && this.#batches < parallel && this.#transfers + this.#batches < requests) {
            const items = [];
            for (let bytes = 0; this.#small.length > 0 && items.length < smallCount;) {
                const item = this.#items.get(this.#small[0]);
                if (item && items.length > 0 && bytes + item.file.size > this.wire.batchBytes) break;
                this.#small.shift();
                if (!item) continue;
                bytes += item.file.size;
                items.push(item);
            }
            if (items.length > 0) this.#batch(items);
        }
        this.tell.changed();
    }

    async #transfer(item) {
        this.#transfers++;
        this.#running.add(item);
        item.state = 'Sending';
        item.stopper = new AbortController();
        let end;
        try {
            item.source ??= await fingerprint(item.file).catch(() => null);
            if (item.source !== null) {
                item.job ??= this.#hashing.begin(item.file);
                end = await transfer(item, this.wire, item.stopper.signal);
            } else {
                end = { code: 'Unreadable' };
            }
        } catch (ended) {
            if (!(ended instanceof Ended)) console.error(ended);
            end = { code: ended instanceof Ended ? ended.reason : 'Server' };
        }
        item.stopper = null;
        item.offline = false;
        this.#transfers--;
        this.#running.delete(item);
        if (end.code === null) {
            item.job.upTo(item.file.size);
            item.state = 'Stored';
            this.#receipt(item, end);
        } else if (end.code === 'Paused') {
            item.state = 'Paused';
        } else {
            this.#end(item, end);
        }
        this.#next();
    }

    // The file is stored, whatever the receipt says; a large one is read to its end only now.
    async #receipt(item, { sha256 }) {
        const { key, attempt } = item;
        const verified = item.job.hash.then(hash => hash === null || sha256 === null ? null : hash === sha256);
        const soon = await Promise.race([verified, new Promise(resolve => setTimeout(resolve, promptly, 'later'))]);
        this.tell.ended({ key, attempt, code: null, verified: soon === 'later' ? null : soon });
        if (typeof soon !== 'boolean') this.tell.checked({ key, verified: await verified });
        // What is not the same can be sent again.
        Object.assign(item, { job: null, state: null, url: null });
        if (await verified !== false) this.#items.delete(key);
    }

    async #batch(items) {
        const stopper = new AbortController();
        this.#batches++;
        for (const item of items) {
            Object.assign(item, { state: 'Sending', stopper });
            this.#running.add(item);
        }
        let ends, stopped = false;
        try {
            ends = await sendBatch(items, this.wire, stopper.signal);
        } catch (ended) {
            stopped = ended instanceof Ended;
            if (!stopped) console.error(ended);
        }
        this.#batches--;
        for (const [at, item] of items.entries()) {
            this.#running.delete(item);
            Object.assign(item, { stopper: null, offline: false });
            if (stopped && !item.unwanted) {
                // Only its neighbour was cancelled. To send it twice does no harm.
                item.state = 'Waiting';
                this.#small.push(item.key);
            } else {
                this.#end(item, stopped ? { code: 'Cancelled' } : ends?.[at] ?? { code: 'Server' });
            }
        }
        this.#next();
    }

    #end(item, end) {
        const { key, attempt, url } = item;
        item.state = end.code === 'Asking' ? 'Asking' : null;
        // What the server keeps of it can be gone on with at another try.
        if (!['Asking', 'SignedOut', 'Server', 'ServerError', 'StorageFull'].includes(end.code)) item.url = null;
        this.tell.ended({ key, attempt: Math.max(0, attempt), id: id(item), ...end });
        if (end.code === null ? end.verified : end.code === 'Cancelled') this.#items.delete(key);
        if (end.code !== 'Cancelled') return;
        item.job?.end();
        if (url !== null || item.begun) discard({ ...item, url }, this.wire);
    }
}

// The server's name for the upload, null before it is known.
export const id = item => item.url?.split('/').at(-1) ?? null;

// crypto.randomUUID does not exist on plain http in a local network.
function uuid() {
    const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte, at) =>
        (at === 6 ? byte & 15 | 64 : at === 8 ? byte & 63 | 128 : byte).toString(16).padStart(2, '0')).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
