import { Sha256 } from './sha256.js';

const edge = 64 * 1024;      // bytes at each end that tell one file from another

const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');

// SHA-256 of what fits into memory, as hex.
export const digest = async bytes => globalThis.crypto?.subtle
    ? hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
    : new Sha256().update(bytes).hex();

// Tells a file on this device from others, also after the page was loaded anew. It says nothing to anyone who has not got the file.
export async function fingerprint(file) {
    const [head, tail] = await Promise.all([file.slice(0, edge), file.slice(Math.max(0, file.size - edge))].map(part => part.arrayBuffer()));
    return new Sha256().update(new TextEncoder().encode(`${file.name}\n${file.size}\n${file.lastModified}\n`))
        .update(new Uint8Array(head)).update(new Uint8Array(tail)).hex();
}

// Hashes large files beside everything else, in a worker of its own.
export class Hashing {
    #worker = null;
    #jobs = new Map();
    #next = 0;

    // How the hash of the file will be told, in hex; null when it could not be read. Nothing is read until upTo says how far.
    begin(file) {
        const id = this.#next++;
        const job = { file, upTo: bytes => this.#tell(id, bytes), end: () => this.#end(id, null) };
        job.hash = new Promise(resolve => { job.resolve = resolve; });
        this.#jobs.set(id, job);
        return job;
    }

    dispose() {
        this.#worker?.terminate();
        this.#worker = null;
    }

    // The worker starts with the first that has something to do: the first moment belongs to sending.
    #tell(id, upTo) {
        const job = this.#jobs.get(id);
        if (!job) return;
        if (this.#worker === null) {
            this.#worker = new Worker(new URL('./hashing.worker.js', import.meta.url), { type: 'module' });
            this.#worker.onmessage = ({ data }) => this.#end(data.id, data.hash);
            // Without it everything still arrives, only unverified.
            this.#worker.onerror = () => { for (const each of [...this.#jobs.keys()]) this.#end(each, null); };
        }
        this.#worker.postMessage({ id, file: job.begun ? null : job.file, upTo });
        job.begun = true;
    }

    #end(id, hash) {
        const job = this.#jobs.get(id);
        if (!job) return;
        this.#jobs.delete(id);
        job.resolve(hash);
        if (hash === null && job.begun) this.#worker?.postMessage({ id, upTo: null });
    }
}
